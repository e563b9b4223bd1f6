/** What waits for somebody to act, or has waited too long. */
import { sql } from 'kysely'
import { type LifeCycle, lifeCycle } from '../connections/life-cycle.ts'
import type { Database } from '../database/pool.ts'
import type { ConnectionState, CrmDataset } from '../database/tables.ts'
import { listConnections } from '../settings/connections.ts'
import { arrivalText } from './arrival-text.ts'
import type { Check } from './check-database.ts'
import { time } from './output.ts'

/** The server takes work up within seconds. */
const SLOW_MS = 10 * 60_000
const DAY_MS = 86_400_000

export async function checkWork(db: Database): Promise<Check[]> {
  return (await Promise.all([connections(db), datasets(db), oldestEvent(db), inbox(db), history(db), streams(db), backfills(db)])).flat()
}

async function connections(db: Database): Promise<Check[]> {
  const { rows } = await sql<{
    id: number
    crm: string
    account_key: string
    state: ConnectionState
    state_reason: string | null
    notice: string | null
  }>`
    select c.id, c.crm, c.account_key, c.state, c.state_reason,
      (select text from notice where subject = 'connection:' || c.id and code = c.state_reason and closed_at is null) as notice
    from connection c where c.state <> 'removed' order by c.id`.execute(db)
  if (rows.length === 0) return [{ name: 'connections', status: 'warning', text: 'there is none; next: connection add' }]
  const checks = rows.flatMap(({ id, crm, account_key, state, state_reason, notice }): Check[] => {
    const name = `connection ${id}`
    const account = `${crm} ${account_key}`
    const word = lifeCycle(state, state_reason).lifeCycle
    if (state === 'attention') return [{ name, status: 'problem', text: `${account} ${is(word)}: ${notice ?? state_reason}` }]
    if (state === 'paused') return [{ name, status: 'warning', text: `${account} is paused; connection resume ${id}` }]
    if (state === 'setup')
      return [
        {
          name,
          status: 'warning',
          text: `${account} ${is(word)}: it has no route, so its changes only wait; route set --connection ${id} --dataset …`,
        },
      ]
    return []
  })
  return checks.length > 0 ? checks : [{ name: 'connections', status: 'ok', text: `${rows.length} at work` }]
}

const is = (word: LifeCycle) => (word.startsWith('needs') ? word : `is ${word}`)

async function datasets(db: Database): Promise<Check[]> {
  const { rows } = await sql<{
    meta_id: string
    state: string
    hold_text: string | null
    held_since: Date | null
    crm_dataset: CrmDataset | null
    has_token: boolean
  }>`
    select d.meta_id, d.state, d.hold_text, d.held_since, d.crm_dataset,
      d.access = 'shared' or exists (select from secret where owner = 'dataset:' || d.id and purpose = 'token') as has_token
    from dataset d order by d.id`.execute(db)
  if (rows.length === 0) return [{ name: 'datasets', status: 'warning', text: 'there is none; next: dataset set' }]
  const checks = rows.flatMap(({ meta_id, state, hold_text, held_since, crm_dataset, has_token }): Check[] => {
    const name = `dataset ${meta_id}`
    if (state === 'held') {
      const then = `then: dataset set (new token) or dataset resume ${meta_id}`
      return [{ name, status: 'problem', text: `held since ${time(held_since)}: ${hold_text ?? ''} ${then}` }]
    }
    if (!has_token) return [{ name, status: 'problem', text: 'it has no access token; dataset set' }]
    if (crm_dataset !== 'no' && crm_dataset !== 'unknown') return []
    const said = crm_dataset === 'no' ? 'it is not one for CRM events' : 'nobody knows whether it is one for CRM events'
    return [
      { name, status: 'warning', text: `${said}, and only those of such a dataset count; notice list, then: dataset crm ${meta_id} yes` },
    ]
  })
  return checks.length > 0 ? checks : [{ name: 'datasets', status: 'ok', text: `${rows.length} ready to send` }]
}

async function oldestEvent(db: Database): Promise<Check[]> {
  const name = 'unsent events'
  const { rows } = await sql<{ count: string; since: Date | null; oldest: Date | null }>`
    select count(*) as count, min(l.received_at) as since, min(o.occurred_at) as oldest
    from outbox o join ledger l on l.occurred_at = o.occurred_at and l.event_id = o.event_id
    where o.not_before <= now()`.execute(db)
  const { count = '0', since = null, oldest = null } = rows[0] ?? {}
  if (since === null || oldest === null) return [{ name, status: 'ok', text: 'none wait' }]
  const text = `${count} wait, the longest since ${time(since)}`
  if (Date.now() - oldest.getTime() > 5 * DAY_MS) {
    return [
      { name, status: 'problem', text: `${text}; the oldest change is of ${time(oldest)}, and Meta takes none older than seven days` },
    ]
  }
  if (Date.now() - since.getTime() > SLOW_MS)
    return [{ name, status: 'warning', text: `${text}; is the server running, and a dataset held?` }]
  return [{ name, status: 'ok', text }]
}

async function inbox(db: Database): Promise<Check[]> {
  const { rows } = await sql<{ connection_id: number; waiting: string; since: Date | null; quarantined: string; errors: string[] | null }>`
    select p.connection_id, count(*) filter (where not p.quarantined) as waiting, min(p.received_at) filter (where not p.quarantined) as since,
      count(*) filter (where p.quarantined) as quarantined, array_agg(distinct p.last_error) filter (where p.last_error is not null) as errors
    from packet p join connection c on c.id = p.connection_id and c.state in ('active', 'attention')
    group by p.connection_id order by p.connection_id`.execute(db)
  const checks = rows.flatMap(({ connection_id, waiting, since, quarantined, errors }): Check[] => {
    const why = errors === null ? '' : ` (${errors.join(', ')})`
    const slow = since !== null && Date.now() - since.getTime() > SLOW_MS
    return [
      ...(Number(quarantined) > 0
        ? [
            {
              name: 'set aside',
              status: 'warning' as const,
              text: `${quarantined} packets of changes of connection ${connection_id}${why}; then: record retry --quarantined --connection ${connection_id}`,
            },
          ]
        : []),
      ...(slow
        ? [
            {
              name: 'inbox',
              status: 'warning' as const,
              text: `${waiting} packets of connection ${connection_id} wait since ${time(since)}${why}; is the server running?`,
            },
          ]
        : []),
    ]
  })
  return checks.length > 0 ? checks : [{ name: 'inbox', status: 'ok', text: 'nothing was set aside and nothing waits long' }]
}

/** Changes that were not reported cannot be looked for. */
async function history(db: Database): Promise<Check[]> {
  const { rows } = await sql<{ id: number; text: string; covered_until: Date | null }>`
    select c.id, n.text, u.covered_until from notice n join connection c on n.subject = 'connection:' || c.id and c.state <> 'removed'
    left join cursor u on u.connection_id = c.id and u.channel = 'history'
    where n.code = 'catch_up' and n.closed_at is null order by c.id`.execute(db)
  return rows.map(({ id, text, covered_until }) => ({
    name: `connection ${id}`,
    status: 'warning',
    text: `${text} Covered until ${time(covered_until)}.`,
  }))
}

/** Streams that are not open: nothing is told meanwhile. */
async function streams(db: Database): Promise<Check[]> {
  const following = await listConnections({ db, actor: 'doctor' })
  const followed = following.filter(
    ({ arrival, lifeCycle }) => arrival === 'stream' && lifeCycle !== 'paused' && lifeCycle !== 'disconnected',
  )
  if (followed.length === 0) return []
  const checks = followed.flatMap((connection): Check[] => {
    const { id, standing } = connection
    if (standing?.tended && standing.state === 'open') return []
    return [{ name: `stream ${id}`, status: 'warning', text: arrivalText(connection) ?? '' }]
  })
  return checks.length > 0 ? checks : [{ name: 'streams', status: 'ok', text: `${followed.length} open` }]
}

/** Backfills that failed and were neither resumed nor followed by another; their days are lost after a week. */
async function backfills(db: Database): Promise<Check[]> {
  const { rows } = await sql<{ id: number; connection_id: number; error_text: string | null }>`
    select b.id, b.connection_id, b.error_text from backfill b join connection c on c.id = b.connection_id and c.state <> 'removed'
    where b.state = 'failed' and b.finished_at > ${new Date(Date.now() - 7 * DAY_MS)}
      and not exists (select from backfill later where later.connection_id = b.connection_id and later.id > b.id)
    order by b.id`.execute(db)
  return rows.map(({ id, connection_id, error_text }) => ({
    name: `backfill ${id}`,
    status: 'warning',
    text: `that of connection ${connection_id} failed: ${error_text} Then: backfill resume ${id}`,
  }))
}
