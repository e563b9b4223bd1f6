/**
 * Resolving one connection: packets are claimed, all CRM I/O happens with no lock held, then one transaction records what
 * came of it and deletes the packets. What cannot be handled now goes back alone and never holds up its neighbours.
 */
import type { ConnectionContext, Connector, RecordRef, Signal } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import type { TimeLimits } from '../../mappings/event-time.ts'
import type { Connections } from '../connections/connections.ts'
import { attentionOver, needAttention } from '../connections/states.ts'
import type { Sealer, Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { transaction } from '../database/transaction.ts'
import { insertPackets } from '../intake/inbox.ts'
import { packChanges, unpackChanges } from '../intake/packet.ts'
import { dueForAnotherLook, nextLookDue, postponeLooks } from '../leads/records.ts'
import type { Log } from '../log.ts'
import type { Meter } from '../operations/meter.ts'
import { type Next, SLICE_MS } from '../schedule/scheduler.ts'
import { type Claim, type ClaimedPacket, claimPackets, nextPacketDue } from './claim.ts'
import { commitWork } from './commit.ts'
import { gatherWork, refKey, type Work, without } from './gather.ts'
import { lookup } from './lookup.ts'
import { type ConnectionSetup, isAtWork, readSetup } from './setup.ts'
import { wantedLookups } from './wanted-lookups.ts'

export interface ResolveOptions {
  db: Database
  vault: Vault
  connections: Connections
  limits: TimeLimits
  /** How old a lookup may be before the CRM is asked again, milliseconds. */
  identityTtlMs: number
  /** How long a record without a lead is looked up again, milliseconds. */
  waitForLeadMs: number
  log: Log
  /** Tells the scheduler that a dataset has events to send. May be lost. */
  wakeDelivery: (datasetId: number) => void
  /** Told of the entries that are written. */
  meter?: Meter
  now?: () => number
}

/** Records looked up again in one run because they still have no lead. */
const MOST_LOOKS = 200
const RETRY_BASE_MS = 5_000
const RETRY_CAP_MS = 300_000
/** How often a change may fail for a reason of our own before it is left to a person. */
const MOST_ATTEMPTS = 3

/**
 * Handles what a connection's inbox holds and the records that are due for another look.
 * @returns when it wants to run again, milliseconds since the epoch. After a round of lookups it rests, so that what gathers
 * meanwhile shares the next
 */
export async function resolve(options: ResolveOptions, connectionId: number, signal: AbortSignal): Promise<Next> {
  const { db } = options
  for (const end = performance.now() + SLICE_MS; !signal.aborted; ) {
    if (performance.now() > end) return { again: Date.now() }
    if (!(await isAtWork(db, connectionId))) return {}
    const { connector, context } = await options.connections.get(connectionId)
    const claim = await claimPackets(db, connectionId)
    try {
      const due = await dueForAnotherLook(db, connectionId, MOST_LOOKS)
      if (claim.packets.length === 0 && due.length === 0) break
      // Only now: what somebody wants judged again is judged by what they changed before. What was claimed comes free by itself.
      const setup = await readSetup(db, connectionId)
      if (setup === undefined || !works(setup)) return {}
      const changes = await readChanges(options, connectionId, connector, claim)
      const run: Run = { options, setup, connector, context, claim, now: options.now?.() ?? Date.now() }
      for (const [index, part] of bySource(changes).entries()) {
        const again = await handle(run, part, index === 0 ? due : [])
        if (again !== undefined) return { again }
      }
      if (run.restUntil !== undefined) return { again: run.restUntil, rest: true }
    } finally {
      claim.release()
    }
  }
  return { again: earliest(await nextPacketDue(db, connectionId), await nextLookDue(db, connectionId)) }
}

/** As `isAtWork` has it. */
const works = ({ state, routes }: ConnectionSetup) => (state === 'active' || state === 'attention') && routes.length > 0

/** What arrived by itself, then what each backfill brought: the ledger tells them apart. */
function bySource(changes: readonly ReadChange[]): ReadChange[][] {
  const { null: live = [], ...backfills } = Object.groupBy(changes, ({ packet }) => String(packet.backfill_id))
  return [live, ...Object.values(backfills).map((part = []) => part)]
}

/** What one run works with. */
interface Run {
  options: ResolveOptions
  setup: ConnectionSetup
  connector: Connector
  context: ConnectionContext
  claim: Claim
  /** Milliseconds since the epoch. */
  now: number
  /** Until then nothing is looked up again, milliseconds since the epoch. */
  restUntil?: number
}

/**
 * Handles changes together, or, where that fails for good, packet by packet and change by change, so that what cannot be
 * handled holds up nobody else.
 * @returns when to try again, where the CRM cannot be asked now
 */
async function handle(run: Run, changes: readonly ReadChange[], due: readonly RecordRef[]): Promise<number | undefined> {
  try {
    return await handleTogether(run, changes, due)
  } catch (error) {
    if (error instanceof CodedError && error.retry !== 'never') throw error
    const packets = [...Map.groupBy(changes, ({ packet }) => packet.id).values()]
    if (packets.length + due.length > 1) {
      const parts = [...packets.map((part) => [part, []] as const), ...due.map((ref) => [[], [ref]] as const)]
      for (const [part, refs] of parts) {
        const again = await handle(run, part, refs)
        if (again !== undefined) return again
      }
      return undefined
    }
    run.options.log.error({ connection: run.setup.connectionId, err: error }, 'changes cannot be handled')
    if (changes.length === 0) await postponeLooks(run.options.db, run.setup.connectionId, RETRY_CAP_MS)
    else if (changes.length > 1) await takeApart(run, changes)
    else await giveBackOrSetAside(run.claim, (changes[0] as ReadChange).packet)
    return undefined
  }
}

/** Every change becomes a packet of its own. */
async function takeApart({ options, setup, claim }: Run, changes: readonly ReadChange[]): Promise<void> {
  const sealer = options.vault.for('packet')
  await transaction(options.db, async (trx) => {
    await insertPackets(
      trx,
      changes.map(({ packet, body }) => ({
        ...packChanges(sealer, setup.connectionId, [body], packet.received_at.getTime()),
        backfillId: packet.backfill_id,
      })),
    )
    await claim.settle(trx, [...new Set(changes.map(({ packet }) => packet.id))])
  })
}

/** A change that fails alone is tried again a little later, because a race may be behind it, and then left to a person. */
async function giveBackOrSetAside(claim: Claim, packet: ClaimedPacket): Promise<void> {
  if (packet.attempts + 1 < MOST_ATTEMPTS) await claim.giveBack([packet.id], RETRY_BASE_MS, 'unreadable_change')
  else await claim.quarantine([packet.id], 'unreadable_change')
}

async function handleTogether(run: Run, changes: readonly ReadChange[], due: readonly RecordRef[]): Promise<number | undefined> {
  const { options, setup, connector, context, claim, now } = run
  const { db } = options
  const { connectionId } = setup
  const work = gatherWork([...changes.flatMap(signalsOf), ...due.map((ref) => anotherLook(ref, now))])
  // A captured lead that is due waits for a CRM to feed the dataset; Meta has nothing new to tell of it.
  const lasting = new Set(setup.captures ? due.map(refKey) : [])
  const requests = await wantedLookups({ ...options, ruleFields: context.ruleFields, lasting }, connectionId, connector, work, now)
  const looked = await lookup(connector, context, requests, partsAfter(claim))
  const { failed } = looked
  // What needs no answer of the CRM goes on without one.
  const held = new Map(looked.refused)
  if (failed !== undefined) for (const key of looked.unanswered) held.set(key, failed)
  const isStuck = failed !== undefined && (work.merges.some(isOfOne(held)) || [...work.refs.keys()].every((key) => held.has(key)))
  if (isStuck) return postpone(options, connectionId, claim, failed, now)
  if (requests.length > 0 && failed === undefined) {
    await troubleOver(db, setup)
    const { lookupEveryMs } = connector.manifest
    // A full claim has company enough.
    if (lookupEveryMs !== undefined && !claim.full) run.restUntil = Date.now() + lookupEveryMs
  }

  const isHeld = (change: ReadChange) => change.signals.some((one) => held.has(refKey(one.ref)))
  const aside = changes.filter(isHeld)
  // While the CRM cannot be asked, packets of which nothing is done go back as they are.
  const settled = new Set((failed === undefined ? changes : changes.filter((change) => !isHeld(change))).map(({ packet }) => packet.id))
  const sealer = options.vault.for('packet')
  const back =
    failed === undefined
      ? aside.map((change) => setAside(sealer, connectionId, change, held))
      : takeOut(
          sealer,
          connectionId,
          aside.filter(({ packet }) => settled.has(packet.id)),
          failed,
          delayAfter(claim, failed),
        )
  const doable = held.size === 0 ? work : without(work, held)
  const written = await transaction(db, async (trx) => {
    const entries = await commitWork(trx, {
      setup,
      manifest: connector.manifest,
      work: doable,
      snapshots: new Map([...doable.shown, ...looked.snapshots]),
      limits: options.limits,
      waitForLeadMs: options.waitForLeadMs,
      tombstones: options.vault.tombstones,
      now,
      backfillId: changes[0]?.packet.backfill_id,
    })
    await insertPackets(trx, back)
    await claim.settle(trx, [...settled])
    return entries
  })
  if (looked.refused.size > 0) {
    options.log.error(
      { connection: connectionId, records: looked.refused.size, error: [...looked.refused.values()][0] },
      'changes were set aside',
    )
    await postponeLooks(db, connectionId, RETRY_CAP_MS)
  }
  options.meter?.entries(written.map(({ entry }) => entry))
  const pending = written.filter(({ entry }) => entry.outcome === 'pending')
  for (const dataset of new Set(pending.map(({ entry }) => entry.datasetId))) options.wakeDelivery(dataset)
  return failed && postpone(options, connectionId, claim, failed, now)
}

/** The CRM answers again: what it asked of the customer was done. A withdrawn grant ends with a new one instead. */
async function troubleOver(db: Database, { connectionId, state, stateReason }: ConnectionSetup): Promise<void> {
  if (state === 'attention' && stateReason !== null && stateReason !== 'reconnect') await attentionOver(db, connectionId, stateReason)
}

interface ReadChange {
  packet: ClaimedPacket
  body: unknown
  signals: Signal[]
}

const signalsOf = ({ signals, packet }: ReadChange) => signals.map((signal) => ({ signal, receivedAt: packet.received_at.getTime() }))
const anotherLook = (ref: RecordRef, now: number) => ({
  signal: { kind: 'identity', ref, occurredAt: now } satisfies Signal,
  receivedAt: now,
})

/** Opens the claimed packets. One that cannot be opened or understood is set aside whole. */
async function readChanges(
  { vault, log }: ResolveOptions,
  connectionId: number,
  connector: Connector,
  claim: Claim,
): Promise<ReadChange[]> {
  const sealer = vault.for('packet')
  const changes: ReadChange[] = []
  let meaningless = 0
  for (const packet of claim.packets) {
    try {
      const read = unpackChanges(sealer, packet).map((body) => ({ packet, body, signals: connector.normalise([body]) }))
      meaningless += read.filter(({ signals }) => signals.length === 0).length
      changes.push(...read)
    } catch (error) {
      log.error({ packet: packet.id, error }, 'a packet cannot be read and is set aside')
      await claim.quarantine([packet.id], error instanceof CodedError ? error.code : 'unreadable_change')
    }
  }
  if (meaningless > 0) log.info({ connection: connectionId, changes: meaningless }, 'changes without a meaning here were left out')
  return changes
}

const isOfOne =
  (held: ReadonlyMap<string, unknown>) =>
  ({ survivor, merged }: Work['merges'][number]): boolean =>
    [survivor, ...merged].some((ref) => held.has(refKey(ref)))

/** Tries after which a lookup that fails may be one record's fault. */
const TRIES_TOGETHER = 2
/** In how many parts it is then made at most: each try narrows the fault down, and a CRM in trouble is not asked for every record. */
const MOST_PARTS = 16

/** Looks again are not counted: without packets nobody knows how often these failed. */
const partsAfter = (claim: Claim): number => (claim.packets.length > 0 && attemptsOf(claim) < TRIES_TOGETHER ? 1 : MOST_PARTS)

const attemptsOf = ({ packets }: Claim): number => Math.max(0, ...packets.map(({ attempts }) => attempts))

/** How long to wait when nothing can be looked up now, ms. */
function delayAfter(claim: Claim, { retry }: CodedError): number {
  const attempts = attemptsOf(claim)
  const asked = typeof retry === 'object' ? retry.afterMs : 0
  return retry === 'never' ? RETRY_CAP_MS : Math.max(asked, Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.min(attempts, 10)))
}

/** Nothing can be looked up now: the packets that are still there go back. Returns when to try again. */
async function postpone({ db, log }: ResolveOptions, connectionId: number, claim: Claim, error: CodedError, now: number): Promise<number> {
  const delay = delayAfter(claim, error)
  log.warn({ connection: connectionId, error, delay, packets: claim.packets.length }, 'the CRM cannot be asked now')
  // A withdrawn grant was told where it was noticed.
  if (error.retry === 'never' && error.code !== 'grant_revoked') await needAttention(db, connectionId, error.code, error.userText)
  await claim.giveBack(
    claim.packets.map((packet) => packet.id),
    delay,
    error.code,
  )
  await postponeLooks(db, connectionId, delay)
  return now + delay
}

/** Changes that wait for the CRM, out of packets whose other changes are done: as packets of their own, due after `delayMs`. */
function takeOut(sealer: Sealer, connectionId: number, changes: readonly ReadChange[], error: CodedError, delayMs: number) {
  return [...Map.groupBy(changes, ({ packet }) => packet)].map(([packet, part]) => ({
    ...packChanges(
      sealer,
      connectionId,
      part.map(({ body }) => body),
      packet.received_at.getTime(),
    ),
    attempts: packet.attempts + 1,
    lastError: error.code,
    notBefore: new Date(Date.now() + delayMs),
    backfillId: packet.backfill_id,
  }))
}

/** A change whose record the CRM refuses to show goes into quarantine alone, as a packet of its own. */
function setAside(sealer: Sealer, connectionId: number, { packet, body, signals }: ReadChange, refused: ReadonlyMap<string, CodedError>) {
  const error = signals.flatMap(({ ref }) => refused.get(refKey(ref)) ?? [])[0]
  return {
    ...packChanges(sealer, connectionId, [body], packet.received_at.getTime()),
    attempts: packet.attempts + 1,
    lastError: error?.code ?? 'crm_refused',
    quarantined: true,
    backfillId: packet.backfill_id,
  }
}

function earliest(...instants: (number | undefined)[]): number | undefined {
  const known = instants.filter((instant) => instant !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
