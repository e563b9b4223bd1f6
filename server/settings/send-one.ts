/**
 * One real event of an account that only tries out, so that its admin sees Meta take it before the route is set live. It goes under the
 * id and time that it always had, and what comes of it stands in the ledger: once the route is live, it is not sent again.
 */
import { sql } from 'kysely'
import type { RecordRef } from '../../connectors/connector.ts'
import { defaultTimeLimits } from '../../mappings/event-time.ts'
import { rawLeadKey } from '../../mappings/stage-key.ts'
import type { Row } from '../database/tables.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import { audit, type Caller } from './caller.ts'
import { type LedgerDetail, type MetaAnswer, reasonOf } from './entry-text.ts'
import { findConnection, findLiveConnection } from './find.ts'
import { findRecord } from './find-record.ts'
import { problem } from './problem.ts'
import { type Entry, judgeAnew, lockEntries } from './retry.ts'

export interface SentOne {
  record: RecordRef
  /** Meta's id. */
  datasetId: string
  eventId: string
  eventName: string | null
  occurredAt: Date
  outcome: Row<'ledger'>['outcome']
  reason: string | null
  /** What the reason means. */
  text: string | null
  settledAt: Date | null
  meta: MetaAnswer | null
}

export interface WantedOne {
  record: RecordRef
  /** Which of its events; absent: the latest. */
  eventId?: string
}

/** Outcomes with which an event has gone, or may still go. */
const GOING: ReadonlySet<string> = new Set(['waiting', 'pending', 'sent', 'unconfirmed'])

/**
 * Has one event of a record sent that a shadow route kept back, one for each route; asked for again, it changes nothing. Where nothing
 * came of the one, another may be tried. Throws `CodedError` `connection_unknown`, `connection_removed`, `record_unknown`,
 * `record_erased`, `nothing_kept_back`, `too_old`, `one_sent` (another event has gone already).
 */
export async function sendOne(caller: Caller, connectionId: number, { record: ref, eventId }: WantedOne): Promise<SentOne> {
  const chosen = await transaction(caller.db, async (trx) => {
    const { workspace_id: workspaceId } = await findLiveConnection(caller, connectionId, { trx })
    const record = await findRecord(caller, { ref, connectionId }, trx)
    if (record.state === 'erased') throw problem('record_erased', 'The person asked to be forgotten; nothing of them is sent.')
    const entries = await lockEntries(trx, [record.id])
    const routes = new Map((await lockShadowRoutes(trx, connectionId)).map((route) => [route.dataset_id, route]))
    const isOne = (entry: Entry) => routes.get(entry.dataset_id)?.sent_one === entry.event_id
    const asked = entries
      .filter((entry) => routes.has(entry.dataset_id) && (eventId === undefined || plain(entry.event_id) === plain(eventId)))
      .sort(latestFirst)
    const going = asked.find((entry) => isOne(entry) && GOING.has(entry.outcome))
    if (going !== undefined) return going
    const entry = asked.find((entry) => isOne(entry) || entry.reason === 'route_shadow')
    if (entry === undefined)
      throw problem('nothing_kept_back', 'Nothing of this record is kept back by trying out. Choose one that would have been sent.')
    if (entry.occurred_at.getTime() < Date.now() - defaultTimeLimits.maxAgeMs)
      throw problem('too_old', 'This is too old for Meta, which takes seven days. Choose a lead that reached a stage since then.')
    const route = routes.get(entry.dataset_id) as ShadowRoute
    if (!isOne(entry) && (await isGoing(trx, route)))
      throw problem('one_sent', 'One event of this trial has gone to Meta already. Set the route live to send more.')
    await trx.updateTable('route').set({ sent_one: entry.event_id, sent_one_at: entry.occurred_at }).where('id', '=', route.id).execute()
    await judgeAnew(trx, [entry])
    await trx.updateTable('record').set({ look_again_at: new Date() }).where('id', '=', record.id).execute()
    const detail = { dataset: entry.dataset_id, event: entry.event_id }
    await audit(trx, caller, { workspaceId, action: 'route.send_one', subject: `connection:${connectionId}`, detail })
    return entry
  })
  const all = await listSentOnes(caller, connectionId)
  return all.find((one) => plain(one.eventId) === plain(chosen.event_id)) as SentOne
}

/** What came of the events that routes sent while they tried out. Throws `CodedError` `connection_unknown`. */
export async function listSentOnes(caller: Caller, connectionId: number): Promise<SentOne[]> {
  await findConnection(caller, connectionId)
  const { rows } = await sql<Omit<SentOne, 'record' | 'text' | 'meta'> & RecordRef & { detail: LedgerDetail | null }>`
    select r.type, r.record_id as id, d.meta_id as "datasetId", l.event_id as "eventId", l.event_name as "eventName",
      l.occurred_at as "occurredAt", l.outcome, l.reason, l.settled_at as "settledAt", l.detail
    from route join dataset d on d.id = route.dataset_id
    join ledger l on l.occurred_at = route.sent_one_at and l.event_id = route.sent_one
    join record r on r.id = l.record_id
    where route.connection_id = ${connectionId} order by route.id`.execute(caller.db)
  return rows.map(({ type, id, detail, eventId, ...one }) => ({
    ...one,
    eventId: plain(eventId),
    record: { type, id },
    text: reasonOf(one.reason, detail),
    meta: detail?.meta ?? null,
  }))
}

type ShadowRoute = Pick<Row<'route'>, 'id' | 'dataset_id' | 'sent_one' | 'sent_one_at'>

const lockShadowRoutes = (trx: Trx, connectionId: number): Promise<ShadowRoute[]> =>
  trx
    .selectFrom('route')
    .select(['id', 'dataset_id', 'sent_one', 'sent_one_at'])
    .where('connection_id', '=', connectionId)
    .where('mode', '=', 'shadow')
    .orderBy('id')
    .forUpdate()
    .execute()

async function isGoing(trx: Trx, { sent_one, sent_one_at }: ShadowRoute): Promise<boolean> {
  if (sent_one === null || sent_one_at === null) return false
  const found = await trx
    .selectFrom('ledger')
    .select('outcome')
    .where('occurred_at', '=', sent_one_at)
    .where('event_id', '=', sent_one)
    .executeTakeFirst()
  return found !== undefined && GOING.has(found.outcome)
}

/** Of the same instant, a stage before the lead itself. */
const latestFirst = (a: Entry, b: Entry) =>
  b.occurred_at.getTime() - a.occurred_at.getTime() || Number(a.stage_key === rawLeadKey) - Number(b.stage_key === rawLeadKey)

const plain = (eventId: string) => eventId.replaceAll('-', '').toLowerCase()
