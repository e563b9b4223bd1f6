/**
 * What ends by itself: changes that nobody resolves are dropped after seven days, an account that stays disconnected counts
 * as uninstalled after the retention time, and what is uninstalled as long is purged. Customers are told before.
 */
import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'
import type { ConnectionState, Row } from '../database/tables.ts'
import { transaction } from '../database/transaction.ts'
import { dropPackets, forgetWhomTheyName } from '../leads/drop-packets.ts'
import { tally } from '../operations/tally.ts'
import { audit, system } from '../settings/caller.ts'
import { removeConnection } from '../settings/remove-connection.ts'
import { openNotice } from './notices.ts'
import { REMOVAL_AHEAD } from './states.ts'
import type { Vault } from './vault.ts'

export interface RetentionOptions {
  db: Database
  vault: Vault
  /** Between the end of a connection and that of what was known through it. At least seven, so that nothing is sent twice. */
  retentionDays: number
}

/** Meta takes nothing older. */
const PACKET_DAYS = 7
const WARN_PACKET_DAYS = 5
/** Before an account that stays disconnected counts as uninstalled. */
const WARN_DAYS = 7

/** Ends what is over. Returns the connections that are to be purged now. */
export async function endWhatIsOver(options: RetentionOptions): Promise<number[]> {
  await sql`
    update notice set closed_at = now() where code = 'tombstones_lost' and closed_at is null and opened_at < ${daysAgo(options.retentionDays)}`.execute(
    options.db,
  )
  await forgetInIdle(options)
  await expirePackets(options)
  await uninstallForgotten(options)
  const { rows } = await sql<{ id: number }>`
    select id from connection where state = 'removed' and purged_at is null and removed_at < ${daysAgo(options.retentionDays)}
    order by removed_at`.execute(options.db)
  return rows.map(({ id }) => id)
}

/** Often enough that each packet is seen, were a run to come late. */
const LOOK_BACK_HOURS = 3
const PAGE = 200

/** Who asks to be forgotten does not wait until a pause ends, or until there is a route. */
async function forgetInIdle({ db, vault }: RetentionOptions): Promise<void> {
  const idle = await db.selectFrom('connection').selectAll().where('state', 'in', ['setup', 'paused']).orderBy('id').execute()
  for (const connection of idle) {
    for (let after: string | undefined; ; ) {
      const { rows } = await sql<{ id: string; body: Buffer }>`
        select id, body from packet where connection_id = ${connection.id} and (${after ?? null}::uuid is null or id > ${after ?? null})
          and received_at > now() - make_interval(hours => ${LOOK_BACK_HOURS})
        order by id limit ${PAGE}`.execute(db)
      if (rows.length > 0) await transaction(db, (trx) => forgetWhomTheyName(trx, vault, connection, rows))
      after = rows.at(-1)?.id
      if (rows.length < PAGE) break
    }
  }
}

/** Connections without a route, or paused, keep their changes for as long as Meta would take them; others what was set aside. */
async function expirePackets(options: RetentionOptions): Promise<void> {
  const { db, retentionDays } = options
  const { rows } = await sql<Row<'connection'> & { all: string; ageing: string; old: string; aside: string }>`
    select c.*, p.* from (
      select connection_id, count(*) as all, count(*) filter (where received_at < ${daysAgo(WARN_PACKET_DAYS)}) as ageing,
        count(*) filter (where received_at < ${daysAgo(PACKET_DAYS)}) as old,
        count(*) filter (where quarantined and received_at < ${daysAgo(retentionDays)}) as aside
      from packet group by connection_id
    ) p join connection c on c.id = p.connection_id order by c.id`.execute(db)
  const warned: string[] = []
  for (const { all, ageing, old, aside, ...connection } of rows) {
    const idle = connection.state === 'setup' || connection.state === 'paused'
    const subject = `connection:${connection.id}`
    // What a server received in the moment of the removal.
    if (connection.state === 'removed') await drop(options, connection, {}, Number(all))
    else if (idle) await drop(options, connection, { before: beforeDays(PACKET_DAYS) }, Number(old))
    else await drop(options, connection, { before: beforeDays(retentionDays), quarantined: true }, Number(aside))
    const waiting = Number(ageing) - Number(old)
    if (waiting === 0 || untilOf[connection.state] === undefined) continue
    warned.push(subject)
    await openNotice(db, { workspaceId: connection.workspace_id, subject, code: EXPIRING, text: expiringText(connection, waiting) })
  }
  await sql`
    update notice set closed_at = now() where code = ${EXPIRING} and closed_at is null and subject <> all(${warned}::text[])`.execute(db)
}

const EXPIRING = 'packets_expiring'

async function drop(
  { db, vault }: RetentionOptions,
  connection: Row<'connection'>,
  which: Parameters<typeof dropPackets>[3],
  expected: number,
): Promise<void> {
  if (expected === 0) return
  let packets = 0
  for (let more = true; more; ) {
    const batch = await transaction(db, (trx) => dropPackets(trx, vault, connection, which))
    packets += batch.dropped
    more = batch.more
  }
  await tally(db, 'packets_expired', packets)
  const { id, workspace_id: workspaceId, state } = connection
  await audit(db, system, { workspaceId, action: 'connection.expire', subject: `connection:${id}`, detail: { packets, state } })
}

/** What has to happen so that changes which wait can still be used. */
const untilOf: Partial<Record<ConnectionState, string>> = {
  setup: 'the connection has a route to a dataset',
  paused: 'the pause ends',
  attention: 'what the connection needs is done',
}

function expiringText({ crm, account_key, state }: Row<'connection'>, packets: number): string {
  return `${packets} packets of changes of ${crm} ${account_key} have waited for five days. Meta takes no event older than seven: they are lost within two days, unless ${untilOf[state]} before.`
}

/** Whoever removes the app in the CRM may never come back to say so here. */
async function uninstallForgotten({ db, vault, retentionDays }: RetentionOptions): Promise<void> {
  const { rows } = await sql<{ id: number; workspace_id: number; crm: string; account_key: string; disconnected_at: Date; over: boolean }>`
    select id, workspace_id, crm, account_key, disconnected_at, disconnected_at < ${daysAgo(retentionDays)} as over
    from connection where state = 'attention' and disconnected_at < ${daysAgo(Math.max(0, retentionDays - WARN_DAYS))}`.execute(db)
  for (const { id, workspace_id, crm, account_key, disconnected_at, over } of rows) {
    if (over) {
      await removeConnection({ db, ...system }, id, vault)
      continue
    }
    const end = new Date(disconnected_at.getTime() + retentionDays * 86_400_000).toISOString().slice(0, 10)
    const text = `${crm} ${account_key} has been disconnected since ${disconnected_at.toISOString().slice(0, 10)}. Unless it is connected again before ${end}, its settings and everything known through it are deleted.`
    await openNotice(db, { workspaceId: workspace_id, subject: `connection:${id}`, code: REMOVAL_AHEAD, text })
  }
}

const beforeDays = (days: number) => new Date(Date.now() - days * 86_400_000)
const daysAgo = (days: number) => sql`now() - make_interval(days => ${days})`
