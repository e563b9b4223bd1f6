/**
 * Rolling days up: their figures are made anew from ledger and leads, all workspaces at once, and what differs from what is
 * there is written. Nothing is counted up or down, so repeats, retries, erasures, merges and kills cannot put it wrong.
 *
 * Days are those of the time zone of the workspace's digest (UTC where none is set). A stage counts on the day on which it was
 * reached, a lead on the day on which it was generated: by Meta's word, or else when it is first known to have been a lead.
 */
import { type RawBuilder, sql } from 'kysely'
import { rawLeadKey } from '../../mappings/stage-key.ts'
import type { Trx } from '../database/transaction.ts'
import { bucket } from './delays.ts'

const HOUR = 3_600_000
/** The day begins in the first time zone and ends in the last so much before and after it does in UTC. */
const EARLIEST_MS = 14 * HOUR
const LATEST_MS = 12 * HOUR
/** Who was a lead for longer before we learned of it is none that these days generated; Meta takes no stage from before. */
const KNOWN_AFTER = sql`interval '8 days'`
/** A CRM's clock and Meta's may differ by so much: a stage reached as long before the lead was reached with it. */
const CLOCKS = sql`interval '5 minutes'`

/** Days are `YYYY-MM-DD`, both inclusive. The ledger has to hold all of them, and all since. Returns how many figures changed. */
export async function rollDays(trx: Trx, from: string, to: string): Promise<number> {
  const begin = new Date(Date.parse(from) - EARLIEST_MS)
  const end = new Date(Date.parse(to) + 24 * HOUR + LATEST_MS)
  const days = sql`between ${from}::date and ${to}::date`
  // PostgreSQL cannot know how few or many leads a day has, and one scan for each of them would never end.
  await sql`set local enable_nestloop = off`.execute(trx)
  await sql`set local work_mem = '64MB'`.execute(trx)
  const { rows } = await sql<{ changed: string }>`
    with zone as (
      select c.id as connection_id, c.workspace_id, coalesce(d.time_zone, 'UTC') as name
      from connection c left join digest d on d.workspace_id = c.workspace_id
    ), ${events(begin, end, days)}, ${leads(begin, end, days)}, fresh as (
      select workspace_id, dimension, day, value,
        sum(leads)::int as leads, sum(covered)::int as covered, sum(captured)::int as captured, sum(captured_covered)::int as captured_covered,
        sum(sent)::int as sent, sum(unconfirmed)::int as unconfirmed, sum(rejected)::int as rejected, sum(expired)::int as expired,
        sum(suppressed)::int as suppressed, min(accepted_at) as accepted_at, (array_agg(delays) filter (where delays is not null))[1] as delays
      from (select * from event_figures union all select * from lead_figures) figures
      group by workspace_id, dimension, day, value
    ), gone as (
      delete from daily_rollup r where r.day ${days} and not exists (
        select from fresh f where f.workspace_id = r.workspace_id and f.dimension = r.dimension and f.day = r.day and f.value = r.value)
      returning 1
    ), written as (
      insert into daily_rollup as r
      select f.* from fresh f
      left join (select * from daily_rollup where day ${days}) known using (workspace_id, dimension, day, value)
      where known is distinct from f
      on conflict (workspace_id, dimension, day, value) do update set leads = excluded.leads, covered = excluded.covered,
        captured = excluded.captured, captured_covered = excluded.captured_covered, sent = excluded.sent, unconfirmed = excluded.unconfirmed,
        rejected = excluded.rejected, expired = excluded.expired, suppressed = excluded.suppressed, accepted_at = excluded.accepted_at,
        delays = excluded.delays
      returning 1
    )
    select (select count(*) from gone) + (select count(*) from written) as changed`.execute(trx)
  return Number(rows[0]?.changed)
}

/** What became of the stages that were reached. Grouped before it is told apart by dimension: of a million rows few are left then. */
const events = (begin: Date, end: Date, days: RawBuilder<unknown>) => sql`
  told as (
    select z.workspace_id, (l.occurred_at at time zone z.name)::date as day, l.connection_id, l.dataset_id, l.stage_key, l.event_name,
      lead.form_id, lead.ad_id, lead.campaign_id, l.outcome, case when l.outcome = 'sent' then ${keys(sql`l.detail`)} end as keys,
      count(*) as n, min(l.settled_at) as settled_at
    from ledger l join zone z on z.connection_id = l.connection_id left join lead on lead.id = l.lead_id
    where l.occurred_at >= ${begin} and l.occurred_at < ${end} and l.outcome not in ('pending', 'waiting')
      and (l.occurred_at at time zone z.name)::date ${days}
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
  ), event_figures as (
    select t.workspace_id, by.dimension, t.day, by.value, 0 as leads, 0 as covered, 0 as captured, 0 as captured_covered,
      coalesce(sum(n) filter (where outcome = 'sent'), 0) as sent, coalesce(sum(n) filter (where outcome = 'unconfirmed'), 0) as unconfirmed,
      coalesce(sum(n) filter (where outcome = 'rejected'), 0) as rejected, coalesce(sum(n) filter (where outcome = 'expired'), 0) as expired,
      coalesce(sum(n) filter (where outcome = 'suppressed'), 0) as suppressed, min(settled_at) filter (where outcome = 'sent') as accepted_at,
      null::jsonb as delays
    from told t cross join lateral (
      values ('all', ''), ('stage', connection_id || '/' || stage_key), ('dataset', dataset_id::text), ('event', event_name),
        ('form', coalesce(form_id, '')), ('ad', coalesce(ad_id, '')), ('campaign', coalesce(campaign_id, ''))
      union all select 'key', key from string_to_table(keys, ' ') key
    ) by(dimension, value)
    where by.value is not null
    group by 1, 2, 3, 4
  )`

/**
 * What became of the leads that were generated. Their rows are looked for in all of the ledger since: an index by lead would cost
 * every event, and by their records those are not found that belong to another lead by now.
 */
const leads = (begin: Date, end: Date, days: RawBuilder<unknown>) => sql`
  ours as (
    select l.id, l.workspace_id, b.begun, (b.begun at time zone b.zone)::date as day, l.captured_at is not null as captured,
      coalesce(l.form_id, '') as form_id, coalesce(l.ad_id, '') as ad_id, coalesce(l.campaign_id, '') as campaign_id
    from lead l left join digest d on d.workspace_id = l.workspace_id cross join lateral (
      select coalesce(d.time_zone, 'UTC') as zone,
        coalesce(l.generated_at, least(l.learned_at, (select min(occurred_at) from milestone m where m.lead_id = l.id))) as begun
    ) b
    where coalesce(l.generated_at, l.learned_at) >= ${begin} and coalesce(l.generated_at, l.learned_at) < ${end}::timestamptz + ${KNOWN_AFTER}
      and not l.is_test and (b.begun at time zone b.zone)::date ${days} and (l.generated_at is not null or b.begun > l.learned_at - ${KNOWN_AFTER})
  ), reached as (
    select o.id, o.workspace_id, o.day, o.captured, o.begun, l.occurred_at, l.connection_id, l.dataset_id, l.stage_key, l.event_name,
      l.outcome = 'sent' as sent, case when l.outcome = 'sent' then ${keys(sql`l.detail`)} end as keys,
      l.reason is distinct from 'moved_backward' as forward
    from ours o join ledger l on l.lead_id = o.id
    where l.occurred_at >= ${begin} and l.occurred_at >= o.begun - ${CLOCKS}
  ), by_lead as (
    select workspace_id, day, captured, id, dimension, value, min(occurred_at) - begun as delay, bool_or(sent) as sent
    from reached cross join lateral (values ('event', event_name), ('stage', connection_id || '/' || nullif(stage_key, ${rawLeadKey}))) by(dimension, value)
    where value is not null and forward group by workspace_id, day, captured, begun, id, dimension, value
    union all
    select distinct workspace_id, day, captured, id, dimension, value, null::interval, true
    from (select distinct workspace_id, day, captured, id, dataset_id, keys from reached where sent) told cross join lateral (
      values ('dataset', dataset_id::text) union all select 'key', key from string_to_table(keys, ' ') key
    ) by(dimension, value)
    union all
    select workspace_id, day, captured, o.id, dimension, value, null, o.id in (select id from reached where sent)
    from ours o cross join lateral (values ('all', ''), ('form', form_id), ('ad', ad_id), ('campaign', campaign_id)) by(dimension, value)
  ), counted as (
    select workspace_id, dimension, day, value, ${bucket(sql`delay`)} as bucket, count(*) as leads, count(*) filter (where sent) as covered,
      count(*) filter (where captured) as captured, count(*) filter (where captured and sent) as captured_covered
    from by_lead group by 1, 2, 3, 4, 5
  ), lead_figures as (
    select workspace_id, dimension, day, value, sum(leads), sum(covered), sum(captured), sum(captured_covered), 0, 0, 0, 0, 0, null::timestamptz,
      jsonb_object_agg(bucket, leads) filter (where bucket is not null)
    from counted group by 1, 2, 3, 4
  )`

/** The match keys of an event with a space between, as they are kept now; earlier versions kept a list. */
const keys = (detail: RawBuilder<unknown>) => sql`translate(${detail}->>'keys', '[]",', '')`
