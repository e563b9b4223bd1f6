/** Connections as people see them, and pausing them. */
import { sql } from 'kysely'
import type { Arrival } from '../../connectors/connector.ts'
import { type LifeCycle, lifeCycle, lifeCycleText } from '../connections/life-cycle.ts'
import type { ConnectionState } from '../database/tables.ts'
import { type Trx, transaction } from '../database/transaction.ts'
import { catchUpSoon, readReading } from '../intake/history-cursor.ts'
import { audit, type Caller } from './caller.ts'
import { findConnection, findLiveConnection } from './find.ts'
import { problem } from './problem.ts'

export interface ConnectionView {
  id: number
  workspaceId: number
  workspace: string
  crm: string
  account: string
  name: string
  state: ConnectionState
  /** Code of what the customer has to act on, with its text where the notice is open. */
  stateReason: string | null
  /** The state in the words that people are told. */
  lifeCycle: LifeCycle
  /** When it was uninstalled, and when what was known through it was deleted. */
  removedAt: Date | null
  purgedAt: Date | null
  notice: string | null
  scopes: string[]
  createdAt: Date
  routes: number
  /** A place to try things out: new routes begin in shadow mode. */
  sandbox: boolean
  /** How its changes arrive; null: to be found out. */
  arrival: Arrival | null
  /** How that stands; null: the CRM tells by itself, or it has not begun. */
  standing: ArrivalStanding | null
  /** Packets of changes that are still to be handled, and such as were set aside. */
  inbox: number
  quarantined: number
  /** Codes of why packets were set aside or put off. */
  inboxErrors: string[]
  /** When the last change was received; null: none within a week. */
  lastChangeAt: Date | null
  /** Until when the CRM's history has been read; null: not yet. */
  coveredUntil: Date | null
  /** Its own interval of reading the history; null: the server's. */
  catchUpMinutes: number | null
  /** What was before the connection was made, where that is read; null: not, or not yet. */
  past: PastStanding | null
}

export interface PastStanding {
  /** Back to here it was read. */
  coveredFrom: Date
  /** What is being read: back to where, and how many records so far; null: nothing is left. */
  reading: { from: Date; records: number } | null
}

export interface ArrivalStanding {
  /** Of a stream: `open`, or the code of why not, with a text, and since when. Null where the CRM is polled. */
  state: string | null
  text: string | null
  since: Date | null
  /** When the last change came this way. */
  changedAt: Date | null
  /** A process follows the stream, or polls, now or will soon. */
  tended: boolean
}

/** All connections, or those of one workspace; removed ones only where asked for. */
export async function listConnections(
  caller: Caller,
  { workspaceId = caller.workspaceId, id, removed = false }: { workspaceId?: number; id?: number; removed?: boolean } = {},
): Promise<ConnectionView[]> {
  const { rows } = await sql<
    Omit<ConnectionView, 'lifeCycle' | 'standing' | 'past'> & {
      standing: StandingJson | null
      past: PastJson | null
      inbox: string
      quarantined: string
      routes: string
    }
  >`
    select c.id, c.workspace_id as "workspaceId", w.name as workspace, c.crm, c.account_key as account, c.name, c.state,
      c.state_reason as "stateReason", c.removed_at as "removedAt", c.purged_at as "purgedAt", c.scopes, c.created_at as "createdAt",
      (select n.text from notice n where n.subject = 'connection:' || c.id and n.closed_at is null order by n.opened_at desc limit 1) as notice,
      (select count(*) from route r where r.connection_id = c.id) as routes,
      p.inbox, p.quarantined, p.errors as "inboxErrors",
      greatest(p.last, (select l.received_at from ledger l where l.connection_id = c.id and l.occurred_at > now() - interval '7 days'
        order by l.occurred_at desc limit 1)) as "lastChangeAt",
      (select u.covered_until from cursor u where u.connection_id = c.id and u.channel = 'history') as "coveredUntil",
      c.catch_up_minutes as "catchUpMinutes", c.sandbox, c.arrival,
      (select json_build_object('coveredFrom', u.covered_until, 'position', u.position)
        from cursor u where u.connection_id = c.id and u.channel = 'past') as past,
      (select json_build_object('state', u.standing, 'text', u.standing_text, 'since', u.standing_at, 'changedAt', u.changed_at,
          'tended', exists (select from lease l where l.key = 'stream:' || c.id and l.until > now()) or u.due_at > now())
        from cursor u where u.connection_id = c.id and u.channel = c.arrival) as standing
    from connection c join workspace w on w.id = c.workspace_id
    cross join lateral (
      select count(*) filter (where not quarantined) as inbox, count(*) filter (where quarantined) as quarantined,
        coalesce(array_agg(distinct last_error) filter (where last_error is not null), '{}') as errors, max(received_at) as last
      from packet where connection_id = c.id
    ) p
    where (${workspaceId ?? null}::int is null or c.workspace_id = ${workspaceId ?? null})
      and (${id ?? null}::int is null or c.id = ${id ?? null}) and (${removed} or c.state <> 'removed')
    order by c.id`.execute(caller.db)
  return rows.map((row) => ({
    ...row,
    lifeCycle: lifeCycle(row.state, row.stateReason).lifeCycle,
    routes: Number(row.routes),
    inbox: Number(row.inbox),
    quarantined: Number(row.quarantined),
    past: row.past && pastOf(row.past),
    standing: row.standing && { ...row.standing, since: instant(row.standing.since), changedAt: instant(row.standing.changedAt) },
  }))
}

type StandingJson = Omit<ArrivalStanding, 'since' | 'changedAt'> & { since: string | null; changedAt: string | null }
interface PastJson {
  coveredFrom: string
  position: string | null
}

function pastOf({ coveredFrom, position }: PastJson): PastStanding {
  const reading = position === null ? null : readReading(position)
  return { coveredFrom: new Date(coveredFrom), reading: reading && { from: new Date(reading.from), records: reading.records } }
}

const instant = (text: string | null) => (text === null ? null : new Date(text))

/** Throws `CodedError` `connection_unknown`. */
export async function showConnection(caller: Caller, id: number): Promise<ConnectionView> {
  await findConnection(caller, id)
  const [view] = await listConnections(caller, { id, removed: true })
  return view as ConnectionView
}

/** Changes are still received and kept, and nothing is looked up or sent. Throws `CodedError` `connection_unknown`, `connection_removed`. */
export async function pauseConnection(caller: Caller, id: number): Promise<void> {
  await transaction(caller.db, async (trx) => {
    const { state, workspace_id } = await findLiveConnection(caller, id, { trx, lock: true })
    if (state === 'paused') return
    await trx.updateTable('connection').set({ state: 'paused' }).where('id', '=', id).execute()
    await audit(trx, caller, {
      workspaceId: workspace_id,
      action: 'connection.pause',
      subject: `connection:${id}`,
      detail: { from: state, to: 'paused' },
    })
  })
}

/**
 * Work goes on with what was kept; a connection that asked for attention before asks again, if that is not settled.
 * Throws `CodedError` `connection_unknown`, `connection_removed`, `connection_not_paused`.
 */
export async function resumeConnection(caller: Caller, id: number): Promise<ConnectionState> {
  return transaction(caller.db, async (trx) => {
    const { state, state_reason, workspace_id } = await findLiveConnection(caller, id, { trx, lock: true })
    if (state !== 'paused') throw problem('connection_not_paused', `Connection ${id} is not paused: ${lifeCycleText(state, state_reason)}.`)
    const resumed = await leavePause(trx, id)
    await audit(trx, caller, {
      workspaceId: workspace_id,
      action: 'connection.resume',
      subject: `connection:${id}`,
      detail: { from: 'paused', to: resumed },
    })
    return resumed
  })
}

async function leavePause(trx: Trx, id: number): Promise<ConnectionState> {
  const { rows } = await sql<{ state: ConnectionState }>`
    update connection c set
      state = case when o.open then 'attention' when exists (select from route where connection_id = c.id) then 'active' else 'setup' end,
      state_reason = case when o.open then c.state_reason end
    from (select exists (
      select from notice n join connection p on p.id = ${id} and n.subject = 'connection:' || p.id and n.code = p.state_reason
      where n.closed_at is null) as open) o
    where c.id = ${id} returning c.state`.execute(trx)
  await catchUpSoon(trx, id)
  return rows[0]?.state ?? 'setup'
}
