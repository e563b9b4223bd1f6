/** The walk itself: lets all sources move their leads, and watches what arrives until nothing more can. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { ReceivedEvent } from '../simulators/meta/received.ts'
import type { Change, Sent } from './judge.ts'
import type { Stack } from './stack.ts'

const lookMs = 100
/** Work that is put off for longer than this is not waited for, seconds. */
const putOffSeconds = 60

export interface Observed {
  changes: Change[]
  received: ReceivedEvent[]
}

/**
 * Walks, and tells `seen` of the progress. Returns when all changes are made and neither the CRMs nor the server have
 * anything left to pass on, or when `deadline` says that it takes too long.
 *
 * @param deadline milliseconds
 */
export async function walkAndWatch(
  stack: Stack,
  deadline: number,
  seen: (observed: Observed) => void,
): Promise<Observed & { late: boolean }> {
  const observed: Observed = { changes: [], received: [] }
  let walked = false
  const walk = Promise.all(stack.sources.map((source) => source.walk((change) => observed.changes.push(change)))).then(() => {
    walked = true
  })
  walk.catch(() => undefined)
  const look = async () => {
    observed.received.push(...(await stack.meta.control<ReceivedEvent[]>('events', { from: observed.received.length })))
    seen(observed)
  }
  const over = async () => {
    if (!walked) return false
    for (const source of stack.sources) if (!(await source.idle())) return false
    return isQuiet(stack)
  }
  while (Date.now() < deadline) {
    const done = await over()
    await look()
    if (done) return { ...observed, late: false }
    await Promise.race([sleep(lookMs), walked ? undefined : walk, stack.server.died].filter((wait) => wait !== undefined))
  }
  return { ...observed, late: true }
}

/** What the ledger counts as sent, by CRM and event name. */
export async function readSent(stack: Stack): Promise<Sent[]> {
  const rows = await stack.db
    .selectFrom('ledger')
    .innerJoin('connection', 'connection.id', 'ledger.connection_id')
    .select(['connection.crm', 'ledger.event_name', (select) => select.fn.countAll<string>().as('count')])
    .where('ledger.outcome', '=', 'sent')
    .groupBy(['connection.crm', 'ledger.event_name'])
    .execute()
  return rows.map((row) => ({
    source: stack.sources.find(({ crm }) => crm === row.crm)?.name ?? row.crm,
    eventName: row.event_name ?? '',
    count: Number(row.count),
  }))
}

/** Inbox and outbox hold nothing that goes soon; both in one look, because work moves from one to the other. */
async function isQuiet({ db }: Stack): Promise<boolean> {
  const soon = sql`now() + ${putOffSeconds} * interval '1 second'`
  const { rows } = await sql<{ busy: boolean }>`
    select exists (select from packet where not quarantined and not_before < ${soon})
        or exists (select from outbox where not_before < ${soon}) as busy`.execute(db)
  return rows[0]?.busy === false
}
