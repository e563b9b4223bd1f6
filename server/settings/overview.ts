/** How a connection stands, in one line and a few numbers. */
import { sql } from 'kysely'
import { connectors } from '../../connectors/registry.ts'
import type { ConnectionState, Outcome } from '../database/tables.ts'
import type { Caller } from './caller.ts'
import { type ConnectionView, showConnection } from './connections.ts'
import { listNotices, type NoticeView } from './notices.ts'
import { listRoutes, type RouteView } from './routes.ts'

export interface Overview {
  status: { mood: 'good' | 'attention' | 'idle'; text: string }
  state: ConnectionState
  /** Open notices of this account and of the datasets that it feeds, the latest first. */
  attention: NoticeView[]
  /** Events that still have to go, and since when the oldest waits. */
  unsent: { count: number; oldestAt: Date | null }
  /** Changes that still have to be handled, and since when the oldest waits. */
  inbox: { count: number; oldestAt: Date | null; quarantined: number }
  /** Of the last 28 days. */
  outcomes: Record<Outcome, number>
  lastSentAt: Date | null
  lastChangeAt: Date | null
}

export const OVERVIEW_DAYS = 28

/** Throws `CodedError` `connection_unknown`. */
export async function overview(caller: Caller, connectionId: number): Promise<Overview> {
  const [view, notices, routes] = await Promise.all([
    showConnection(caller, connectionId),
    listNotices(caller),
    listRoutes(caller, { connectionId }),
  ])
  const subjects = new Set([
    `connection:${connectionId}`,
    `workspace:${view.workspaceId}`,
    ...routes.map(({ datasetId }) => `dataset:${datasetId}`),
  ])
  const attention = notices.filter(({ subject }) => subjects.has(subject))
  const [counts, unsent, inbox] = await Promise.all([
    countOutcomes(caller, connectionId),
    findUnsent(caller, connectionId),
    findInbox(caller, connectionId),
  ])
  return {
    status: statusLine(view, routes, attention, unsent.count),
    state: view.state,
    attention,
    unsent,
    inbox: { ...inbox, quarantined: view.quarantined },
    ...counts,
    lastChangeAt: view.lastChangeAt,
  }
}

/** What a person wants to know first. Pure. */
export function statusLine(
  { state, crm, notice }: Pick<ConnectionView, 'state' | 'crm' | 'notice'>,
  routes: readonly Pick<RouteView, 'mode'>[],
  attention: readonly Pick<NoticeView, 'text'>[],
  unsent: number,
): Overview['status'] {
  const name = connectors[crm]?.manifest.displayName ?? crm
  const waiting = unsent === 0 ? '' : ` ${unsent} ${unsent === 1 ? 'event is' : 'events are'} waiting.`
  if (state === 'attention') return { mood: 'attention', text: notice ?? attention[0]?.text ?? `${name} needs your attention.` }
  if (state === 'paused') return { mood: 'idle', text: `Paused: changes in ${name} are kept, and nothing is sent.${waiting}` }
  if (routes.length === 0) return { mood: 'attention', text: `${name} is connected, and no dataset is. Changes are kept until one is.` }
  if (attention[0] !== undefined) return { mood: 'attention', text: attention[0].text }
  if (routes.every(({ mode }) => mode === 'shadow'))
    return { mood: 'idle', text: 'Trying out: everything happens but the sending. Set the route live when you like what you see.' }
  return { mood: 'good', text: `Every stage that a lead reaches in ${name} is reported to Meta.${waiting}` }
}

const none: Record<Outcome, number> = { pending: 0, sent: 0, unconfirmed: 0, waiting: 0, suppressed: 0, rejected: 0, expired: 0 }

/**
 * From the ledger: the rollups know whole days of a workspace, with all its accounts, and nothing of what waits. By the records of the
 * account, so that one with few costs little beside those with many.
 */
async function countOutcomes({ db }: Caller, id: number): Promise<Pick<Overview, 'outcomes' | 'lastSentAt'>> {
  const { rows } = await sql<{ outcome: Outcome; count: string; last: Date | null }>`
    select l.outcome, count(*) as count, max(l.settled_at) as last from record r join ledger l on l.record_id = r.id
    where r.connection_id = ${id} and l.occurred_at > now() - make_interval(days => ${OVERVIEW_DAYS}) group by l.outcome`.execute(db)
  return {
    outcomes: { ...none, ...Object.fromEntries(rows.map(({ outcome, count }) => [outcome, Number(count)])) },
    lastSentAt: rows.find(({ outcome }) => outcome === 'sent')?.last ?? null,
  }
}

async function findUnsent({ db }: Caller, id: number): Promise<Overview['unsent']> {
  const { rows } = await sql<{ count: string; oldest: Date | null }>`
    select count(*) as count, min(occurred_at) as oldest from outbox where connection_id = ${id}`.execute(db)
  return { count: Number(rows[0]?.count ?? 0), oldestAt: rows[0]?.oldest ?? null }
}

async function findInbox({ db }: Caller, id: number): Promise<{ count: number; oldestAt: Date | null }> {
  const { rows } = await sql<{ count: string; oldest: Date | null }>`
    select coalesce(sum(changes), 0) as count, min(received_at) as oldest from packet where connection_id = ${id} and not quarantined`.execute(
    db,
  )
  return { count: Number(rows[0]?.count ?? 0), oldestAt: rows[0]?.oldest ?? null }
}
