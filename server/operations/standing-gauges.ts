/** How things stand, by the database: read when somebody asks for it, and seldom however often they ask. */
import { type RawBuilder, sql } from 'kysely'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Database } from '../database/pool.ts'
import type { Log } from '../log.ts'

export interface StandingGauges {
  /** Reads anew what is older than a few seconds. Never throws. */
  refresh(): Promise<void>
}

/** What was read so long ago is still good, ms. */
const FRESH_MS = 5_000
/** Reading takes this part of the time at most: a backlog makes the reading slow just when the database has work to do. */
const MOST_OF_THE_TIME = 1 / 20
/** Rows of a queue that are counted at most: whether there are more does not change what has to be done. */
const MOST_COUNTED = 100_000

interface Standing {
  name: string
  help: string
  labels: string[]
  /** Grows only, until the database is made anew. */
  counts?: true
  /** Yields `value`, and a column for each label. */
  query: RawBuilder<Record<string, string | number>>
}

const atWork = sql`c.state in ('active', 'attention')`

const standings: readonly Standing[] = [
  {
    name: 'connections',
    help: 'Connections by CRM and state',
    labels: ['crm', 'state'],
    query: sql`select crm, state, count(*) as value from connection group by crm, state`,
  },
  {
    name: 'datasets',
    help: 'Datasets by state',
    labels: ['state'],
    query: sql`select case when state = 'active' and sleep_until > now() then 'asleep' else state end as state, count(*) as value from dataset group by 1`,
  },
  {
    name: 'inbox_packets',
    help: 'Packets in the inbox: due, to be tried later, kept for a connection that is not at work, set aside',
    labels: ['crm', 'state'],
    query: sql`
      select c.crm, case when p.quarantined then 'aside' when not ${atWork} then 'kept' when p.not_before > now() then 'later' else 'due' end as state,
        count(*) as value
      from (select connection_id, quarantined, not_before from packet limit ${sql.lit(MOST_COUNTED)}) p
      join connection c on c.id = p.connection_id group by 1, 2`,
  },
  {
    name: 'inbox_oldest_seconds',
    help: 'For how long the oldest packet of a connection at work has waited',
    labels: ['crm'],
    query: sql`
      select c.crm, extract(epoch from now() - min(p.received_at))::float8 as value
      from connection c cross join lateral (
        select received_at from packet where connection_id = c.id and not quarantined order by id limit 1
      ) p where ${atWork} group by 1`,
  },
  {
    name: 'streams',
    help: 'Streams by how they stand: open, or why not',
    labels: ['crm', 'standing'],
    query: sql`
      select c.crm, coalesce(u.standing, 'unknown') as standing, count(*) as value
      from connection c left join cursor u on u.connection_id = c.id and u.channel = 'stream'
      where c.arrival = 'stream' and ${atWork} group by 1, 2`,
  },
  {
    name: 'history_age_seconds',
    help: 'Up to how long ago the history of every connection at work was read at least',
    labels: ['crm'],
    query: sql`
      select c.crm, extract(epoch from now() - min(u.covered_until))::float8 as value
      from connection c join cursor u on u.connection_id = c.id and u.channel = 'history' and u.due_at < 'infinity' where ${atWork} group by 1`,
  },
  {
    name: 'outbox_events',
    help: 'Events to be sent: due, to be sent later, held because the customer has to act, paused with their connection',
    labels: ['state'],
    query: sql`
      select case when d.state = 'held' then 'held' when c.state = 'paused' then 'paused'
          when o.not_before > now() or d.sleep_until > now() then 'later' else 'due' end as state,
        count(*) as value
      from (select dataset_id, connection_id, not_before from outbox limit ${sql.lit(MOST_COUNTED)}) o
      join dataset d on d.id = o.dataset_id join connection c on c.id = o.connection_id group by 1`,
  },
  {
    name: 'outbox_oldest_seconds',
    help: 'Age of the oldest event to be sent; Meta takes none older than seven days',
    labels: [],
    query: sql`
      select extract(epoch from now() - min(o.occurred_at))::float8 as value
      from dataset d cross join lateral (select occurred_at from outbox where dataset_id = d.id order by occurred_at limit 1) o
      having count(*) > 0`,
  },
  {
    name: 'notices_open',
    help: 'Open notices by code',
    labels: ['code'],
    query: sql`select regexp_replace(code, '^meta_.*', 'meta') as code, count(*) as value from notice where closed_at is null group by 1`,
  },
  {
    name: 'messages',
    help: 'Mails and webhook requests about notices: waiting, given up within a week',
    labels: ['state'],
    query: sql`
      select coalesce(outcome, 'waiting') as state, count(*) as value from message
      where settled_at is null or outcome = 'given_up' and settled_at > now() - interval '7 days' group by 1`,
  },
  {
    name: 'leases',
    help: 'Work that has its one runner now',
    labels: ['work'],
    query: sql`select split_part(key, ':', 1) as work, count(*) as value from lease where until > now() group by 1`,
  },
  {
    name: 'possible_doubles_total',
    help: 'Events that may have reached Meta twice, by cause',
    labels: ['cause'],
    counts: true,
    query: sql`select substr(name, length('possible_doubles.') + 1) as cause, count as value from tally where starts_with(name, 'possible_doubles.')`,
  },
  {
    name: 'packets_expired_total',
    help: 'Packets of changes that were dropped because nobody could use them any more',
    labels: [],
    counts: true,
    query: sql`select count as value from tally where name = 'packets_expired'`,
  },
]

/** Registers the gauges; they have no values before the first `refresh`. */
export function createStandingGauges(registry: Registry, db: Database, log: Log): StandingGauges {
  const metrics = standings.map(({ name, help, labels, counts }) =>
    counts
      ? new Counter({ name: `leadstage_${name}`, help, labelNames: labels, registers: [registry] })
      : new Gauge({ name: `leadstage_${name}`, help, labelNames: labels, registers: [registry] }),
  )
  const readable = new Gauge({ name: 'leadstage_database_readable', help: '1: how things stand could be read', registers: [registry] })
  let reading: Promise<void> | undefined
  let good = Number.NEGATIVE_INFINITY

  async function read(): Promise<void> {
    const started = performance.now()
    try {
      const found = await db.transaction().execute(async (trx) => {
        const results = []
        for (const { query } of standings) results.push((await query.execute(trx)).rows)
        return results
      })
      for (const [index, metric] of metrics.entries()) {
        metric.reset()
        for (const { value, ...labels } of found[index] ?? []) metric.inc(labels, Number(value))
      }
      readable.set(1)
    } catch (error) {
      // What was true some time ago would look as if it were true now.
      for (const metric of metrics) metric.reset()
      readable.set(0)
      log.warn({ err: error }, 'the metrics of how things stand cannot be read')
    }
    const now = performance.now()
    good = now + Math.max(FRESH_MS, (now - started) / MOST_OF_THE_TIME)
  }

  return {
    async refresh() {
      if (performance.now() < good) return
      reading ??= read().finally(() => {
        reading = undefined
      })
      await reading
    },
  }
}
