import { status } from '@grpc/grpc-js'
import type { Access, StreamBatch } from '../../connector.ts'
import { backOff, pause } from './back-off.ts'
import type { EventSchema } from './event-schema.ts'
import { ended, isServiceError, type Remedy, remedyFor, wentSilent } from './failure.ts'
import type { Following } from './follow.ts'
import type { Told } from './progress.ts'
import type { FetchResponse, PubSubClient } from './pubsub.ts'
import { readEvent } from './read-event.ts'
import { unreadable } from './schema-store.ts'

/** How a subscription ended. */
export interface End {
  remedy: Remedy
  /** Something came, and was read. */
  progressed: boolean
  /** It did not last. */
  short: boolean
}

/** Salesforce sends no more than this ahead. */
const MOST_AHEAD = 100
/** At half of it more is asked for, so that the stream does not stand still for a round trip. */
const ASK_AT = 50
/** With so many events not yet kept, no more are asked for. */
const MOST_UNKEPT = 1_000
/** Ended before this, a subscription was none. */
const SHORT_MS = 1_000
/** So often a schema is asked for before the stream is opened again. */
const MOST_TRIES = 6
/** A server says nothing before there is something to say; one that refuses does so sooner. */
const ASSUMED_OPEN_MS = 5_000

/**
 * Subscribes once, and gives what comes to the sink. Resolves when the subscription ended, for whatever reason, and all that
 * was given is settled. Rejects where that could not be kept, or the core fails otherwise.
 */
export async function openOnce(following: Following, client: PubSubClient, access: Access): Promise<End> {
  const { context, sink, signal, progress, times } = following
  const began = Date.now()
  const call = client.subscribe(access, context.account)
  const waiting: FetchResponse[] = []
  const unsettled = new Set<Promise<void>>()
  /** Events that were asked for and did not come yet. What the server counts does not know of requests on their way. */
  let ahead = 0
  let unkept = 0
  let heard = false
  let progressed = false
  let reading: Promise<void> | undefined
  /** Something that came was lost here: what comes after it must not be kept. */
  let broken = false
  let fault: { error: unknown } | undefined
  const ending = new AbortController()
  const over = Promise.withResolvers<Remedy>()

  function end(remedy: Remedy): void {
    over.resolve(remedy)
    ending.abort()
  }

  function ask(first = {}): void {
    if (ahead > ASK_AT || unkept > MOST_UNKEPT || !call.writable) return
    call.write({ ...first, numRequested: MOST_AHEAD - ahead })
    ahead = MOST_AHEAD
  }

  function give(batch: StreamBatch | undefined, events: number): void {
    if (batch === undefined) {
      unkept -= events
      return
    }
    const settling = sink.keep(batch).then(
      () => {
        unkept -= events
        ask()
      },
      (error: unknown) => stop({ error }),
    )
    const settled: Promise<void> = settling.finally(() => unsettled.delete(settled))
    unsettled.add(settled)
  }

  function stop(because: Remedy | { error: unknown }): void {
    broken = true
    waiting.length = 0
    if (!('kind' in because)) fault ??= because
    end('kind' in because ? because : { kind: 'again', afterMs: 0, error: ended() })
  }

  /** One reader at a time; what came while it ended is not forgotten. */
  function goOnReading(): void {
    if (reading !== undefined || waiting.length === 0) return
    reading = readOn()
      .catch((error: unknown) => stop(isServiceError(error) ? remedyFor(error) : { error }))
      .finally(() => {
        reading = undefined
        goOnReading()
      })
  }

  async function readOn(): Promise<void> {
    for (let response = waiting[0]; response !== undefined; response = waiting[0]) {
      if (response.events.length > 0) {
        const told: Told[] = []
        const refused = new Map<string, EventSchema>()
        for (const { event, replayId } of response.events) {
          const id = event?.schemaId ?? ''
          // Awaiting a schema that is at hand would cost more than reading the event.
          const schema =
            following.schemas.find(id, following.wanted) ?? refused.get(id) ?? (await loadSchema(following, id, ending.signal, refused))
          told.push({ replayId: replayId.toString('hex'), change: read(schema, event?.payload) })
        }
        if (broken) return
        give(progress.take(told), told.length)
      } else {
        await Promise.all(unsettled)
        if (broken) return
        if (response.latestReplayId.length > 0) give(progress.quiet(response.latestReplayId.toString('hex')), 0)
      }
      progressed = true
      waiting.shift()
      ask()
    }
  }

  function read(schema: EventSchema, payload: Buffer | undefined): Told['change'] {
    if (payload === undefined) return 'unreadable'
    try {
      return readEvent(schema.read(payload), context)
    } catch {
      return 'unreadable'
    }
  }

  const silent = setTimeout(() => end({ kind: 'again', afterMs: 0, error: wentSilent() }), times.silence)
  const assumedOpen = setTimeout(() => sink.standing('open'), ASSUMED_OPEN_MS)
  const cancelled = () => end({ kind: 'again', afterMs: 0, error: ended() })
  signal.addEventListener('abort', cancelled, { once: true })
  if (signal.aborted) cancelled()

  call.on('data', (response: FetchResponse) => {
    silent.refresh()
    if (!heard) sink.standing('open')
    heard = true
    if (broken) return
    const { events, pendingNumRequested } = response
    unkept += events.length
    // Nothing is on its way when nothing happens: what the server has counted is right.
    ahead = events.length > 0 ? Math.max(0, ahead - events.length) : Math.min(ahead, pendingNumRequested)
    // Before anything else: while it is on its way, what came is read.
    ask()
    waiting.push(response)
    goOnReading()
  })
  call.on('error', (error) => end(isServiceError(error) ? remedyFor(error) : { kind: 'again', afterMs: 0, error: ended() }))
  call.on('end', () => end({ kind: 'again', afterMs: 0, error: ended() }))
  ask({ topicName: context.settings.channel, ...progress.open() })

  try {
    const remedy = await over.promise
    call.removeAllListeners('data')
    call.cancel()
    // What had come is read and kept: it would only come again.
    while (reading !== undefined) await reading
    await Promise.all(unsettled)
    if (fault !== undefined) throw fault.error
    return { remedy, progressed, short: Date.now() - began < SHORT_MS }
  } finally {
    clearTimeout(silent)
    clearTimeout(assumedOpen)
    signal.removeEventListener('abort', cancelled)
  }
}

/**
 * What passes is waited for here: opening the stream again would have the same events delivered again, and deliveries are
 * counted. A schema that nobody has makes events unreadable. Rejects with what does not pass, or when `ending` is aborted.
 */
async function loadSchema(following: Following, id: string, ending: AbortSignal, refused: Map<string, EventSchema>): Promise<EventSchema> {
  const { context, schemas, wanted, times } = following
  for (let failures = 1; ; failures++) {
    try {
      return await schemas.load(id, wanted, context.schemas, () => fetchSchema(following, id))
    } catch (error) {
      if (!isServiceError(error)) throw error
      if (error.code === status.NOT_FOUND || error.code === status.INVALID_ARGUMENT) {
        const schema = unreadable(error)
        refused.set(id, schema)
        return schema
      }
      if (remedyFor(error).kind !== 'again' || failures === MOST_TRIES || ending.aborted) throw error
      await pause(backOff(times.backOff, failures + 1), ending)
    }
  }
}

/** The token with which the stream was opened may be long gone: this asks with the one of the day. */
async function fetchSchema({ context, questions, times }: Following, id: string): Promise<string> {
  const ask = (access: Access) => questions().getSchema(id, access, context.account, times.answer)
  const access = await context.access.current()
  try {
    return await ask(access)
  } catch (error) {
    const remedy = isServiceError(error) ? remedyFor(error) : undefined
    const other = remedy?.kind === 'token' ? await context.access.instead(access.token) : undefined
    if (other === undefined) throw error
    return ask(other)
  }
}
