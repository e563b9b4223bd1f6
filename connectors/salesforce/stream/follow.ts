/** Following the event stream of one org, over all breaks of it. */
import { createHash } from 'node:crypto'
import type { Access, StreamContext, StreamSink } from '../../connector.ts'
import type { SalesforceSettings } from '../settings.ts'
import { backOff, pause } from './back-off.ts'
import type { Channels, Place } from './channels.ts'
import { cannotSubscribe, isServiceError, type Remedy, remedyFor, unreachable } from './failure.ts'
import { createProgress, type Progress } from './progress.ts'
import type { PubSubClient } from './pubsub.ts'
import type { SchemaStore, WantedFields } from './schema-store.ts'
import { openOnce } from './subscription.ts'
import { wantedFields } from './wanted-fields.ts'

/** What all streams of a process share. */
export interface Shared {
  channels: Channels
  /** A connection of its own for short questions: streams must not keep them waiting. */
  questions: () => PubSubClient
  schemas: SchemaStore
  times: Times
}
/** Milliseconds. */
export interface Times {
  /** A stream without any message for so long is dead: an idle one has a message every 270 s. */
  silence: number
  /** Over how long the streams of a full connection come back after a break. */
  spread: number
  /** The first wait after a second failure in a row; doubled each time. */
  backOff: number
  /** The longest wait for an answer to a short question. */
  answer: number
}

/** What following one stream works with. */
export interface Following extends Shared {
  context: StreamContext<SalesforceSettings>
  sink: StreamSink
  signal: AbortSignal
  progress: Progress
  wanted: WantedFields
}

/** After so long without a connection people are told. */
const UNREACHABLE_MS = 30_000
/** Failures in a row after which the reason is asked for. */
const ASK_AFTER = 3

/** See `StreamHub.follow`. */
export async function follow(
  shared: Shared,
  context: StreamContext<SalesforceSettings>,
  position: string | undefined,
  sink: StreamSink,
  signal: AbortSignal,
): Promise<void> {
  const names = wantedFields(context)
  const key = createHash('sha256')
    .update([...names].sort().join())
    .digest('base64url')
    .slice(0, 16)
  const following: Following = { ...shared, context, sink, signal, progress: createProgress(position), wanted: { names, key } }
  const place = shared.channels.take()
  try {
    await followOn(following, place)
  } finally {
    place.leave()
  }
}

async function followOn(following: Following, place: Place): Promise<void> {
  const { context, sink, signal, progress, times } = following
  let access: Access | undefined
  let failures = 0
  let refusals = 0
  for (let opened = 0; !signal.aborted; opened++) {
    await connected(following, place, opened > 0)
    if (signal.aborted) return
    access ??= await context.access.current()
    const end = await openOnce(following, place.client, access)
    if (signal.aborted) return
    if (end.progressed) refusals = 0
    // The first failure is answered at once: mostly the connection broke, and the channel knows when to come back.
    failures = end.progressed && !end.short ? 0 : failures + 1
    const { remedy } = end
    switch (remedy.kind) {
      case 'stop':
        throw remedy.error
      case 'token':
        refusals += 1
        // A token that was made a moment ago will not be better the third time.
        if (refusals > 1) throw remedy.error
        access = remedy.renew ? await context.access.instead(access.token) : await context.access.current()
        if (access === undefined) throw remedy.error
        break
      case 'rewind':
        progress.rewind()
        access = undefined
        // Refused at the oldest event, too: nobody can do anything about it but wait.
        if (failures > 1) sink.standing(remedy.error)
        await pause(backOff(times.backOff, failures), signal)
        break
      default:
        access = undefined
        if (failures > 1 || remedy.afterMs > 0) sink.standing(remedy.error)
        if (failures === ASK_AFTER) await askWhy(following)
        await pause(Math.max(backOff(times.backOff, failures), remedy.afterMs * (1 + Math.random() / 4)), signal)
    }
  }
}

async function connected({ sink, signal }: Following, place: Place, again: boolean): Promise<void> {
  const late = setTimeout(() => sink.standing(unreachable()), UNREACHABLE_MS).unref()
  await place.ready(signal, again).finally(() => clearTimeout(late))
}

/** Throws `CodedError` where the channel itself says why it cannot be followed. What goes wrong with the question says nothing. */
async function askWhy({ context, questions, times }: Following): Promise<void> {
  const access = await context.access.current()
  try {
    const topic = await questions().getTopic(context.settings.channel, access, context.account, times.answer)
    if (topic.canSubscribe) return
  } catch (error) {
    const remedy: Remedy | undefined = isServiceError(error) ? remedyFor(error) : undefined
    if (remedy?.kind === 'stop') throw remedy.error
    return
  }
  throw cannotSubscribe()
}
