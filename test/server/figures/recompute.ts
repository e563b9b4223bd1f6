/** The figures once more, counted row by row from the tables as they lie there: what the rollups have to be equal to. */
import { sql } from 'kysely'
import type { Database } from '../../../server/database/pool.ts'

type Figures = Record<
  'leads' | 'covered' | 'captured' | 'captured_covered' | 'sent' | 'unconfirmed' | 'rejected' | 'expired' | 'suppressed',
  number
>
type Counts = Partial<Figures> & { delays?: Record<string, number>; accepted_at?: string }
interface Fact {
  lead_id: string | null
  connection_id: number
  dataset_id: number
  workspace_id: number
  stage_key: string
  event_name: string | null
  outcome: string
  reason: string | null
  settled_at: Date | null
  keys: string | null
  at: Date
}

/** `workspace/dimension/day/value` and its figures, sorted; days of a workspace are those of its digest's time zone. */
export async function recompute(db: Database): Promise<[string, Counts][]> {
  const zones = new Map(
    (
      await sql<{ id: number; zone: string }>`
      select w.id, coalesce(d.time_zone, 'UTC') as zone from workspace w left join digest d on d.workspace_id = w.id`.execute(db)
    ).rows.map(({ id, zone }) => [id, new Intl.DateTimeFormat('sv', { timeZone: zone, dateStyle: 'short' })]),
  )
  const dayOf = (workspace: number, at: Date) => (zones.get(workspace) as Intl.DateTimeFormat).format(at)
  const leads = (
    await sql<{
      id: string
      workspace_id: number
      captured_at: Date | null
      generated_at: Date | null
      learned_at: Date
      first: Date | null
      form_id: string | null
      ad_id: string | null
      campaign_id: string | null
      is_test: boolean
    }>`
      select l.*, (select min(occurred_at) from milestone m where m.lead_id = l.id) as first from lead l`.execute(db)
  ).rows
  const byId = new Map(leads.map((lead) => [lead.id, lead]))
  const facts = (
    await sql<Fact>`
      select l.lead_id, l.connection_id, l.dataset_id, c.workspace_id, l.stage_key, l.event_name, l.outcome, l.reason, l.settled_at, l.detail->>'keys' as keys, l.occurred_at as at
      from ledger l join connection c on c.id = l.connection_id`.execute(db)
  ).rows

  const all = new Map<string, Counts>()
  const figures = (...key: (string | number)[]) => {
    const name = key.join('|')
    const found = all.get(name) ?? {}
    all.set(name, found)
    return found
  }
  const count = (of: Partial<Figures>, what: keyof Figures) => {
    of[what] = (of[what] ?? 0) + 1
  }

  for (const fact of facts) {
    if (fact.outcome === 'pending' || fact.outcome === 'waiting') continue
    const lead = fact.lead_id === null ? undefined : byId.get(fact.lead_id)
    const day = dayOf(fact.workspace_id, fact.at)
    const values: [string, string | null][] = [
      ['all', ''],
      ['stage', `${fact.connection_id}/${fact.stage_key}`],
      ['event', fact.event_name],
      ['dataset', String(fact.dataset_id)],
      ['form', lead?.form_id ?? ''],
      ['ad', lead?.ad_id ?? ''],
      ['campaign', lead?.campaign_id ?? ''],
      ...(fact.outcome === 'sent' ? (fact.keys ?? '').split(' ').map((key): [string, string | null] => ['key', key || null]) : []),
    ]
    for (const [dimension, value] of values) {
      if (value === null) continue
      const it = figures(fact.workspace_id, dimension, day, value)
      count(it, fact.outcome as keyof Figures)
      const settled = fact.settled_at?.toISOString() ?? ''
      if (fact.outcome === 'sent') it.accepted_at = settled < (it.accepted_at ?? '~') ? settled : it.accepted_at
    }
  }

  for (const lead of leads) {
    if (lead.is_test) continue
    const begun = lead.generated_at ?? new Date(Math.min(lead.learned_at.getTime(), lead.first?.getTime() ?? Number.POSITIVE_INFINITY))
    if (lead.generated_at === null && begun.getTime() <= lead.learned_at.getTime() - 8 * 86_400_000) continue
    const day = dayOf(lead.workspace_id, begun)
    const captured = lead.captured_at !== null
    const own = facts.filter((fact) => fact.lead_id === lead.id && fact.at.getTime() >= begun.getTime() - 300_000)
    const add = (dimension: string, value: string, covered: boolean, at?: Date) => {
      const it = figures(lead.workspace_id, dimension, day, value)
      count(it, 'leads')
      if (covered) count(it, 'covered')
      if (captured) count(it, 'captured')
      if (captured && covered) count(it, 'captured_covered')
      if (at === undefined) return
      const hours = Math.max(0, Math.floor((at.getTime() - begun.getTime()) / 3_600_000))
      const bucket = hours < 24 ? hours : hours < 672 ? 23 + Math.floor(hours / 24) : 51
      it.delays = { ...it.delays, [bucket]: (it.delays?.[bucket] ?? 0) + 1 }
    }
    const wasSent = own.some(({ outcome }) => outcome === 'sent')
    for (const [dimension, value] of [
      ['all', ''],
      ['form', lead.form_id],
      ['ad', lead.ad_id],
      ['campaign', lead.campaign_id],
    ] as const) {
      add(dimension, value ?? '', wasSent)
    }
    const forward = own.filter(({ reason }) => reason !== 'moved_backward')
    const reached = (dimension: string, of: (fact: Fact) => string | null) => {
      for (const [value, those] of Map.groupBy(forward, of)) {
        if (value === null) continue
        const at = new Date(Math.min(...those.map((fact) => fact.at.getTime())))
        add(
          dimension,
          value,
          those.some(({ outcome }) => outcome === 'sent'),
          at,
        )
      }
    }
    reached('event', (fact) => fact.event_name)
    reached('stage', (fact) => (fact.stage_key === 'raw_lead' ? null : `${fact.connection_id}/${fact.stage_key}`))
    const sent = own.filter(({ outcome }) => outcome === 'sent')
    for (const dataset of new Set(sent.map(({ dataset_id }) => String(dataset_id)))) add('dataset', dataset, true)
    for (const key of new Set(sent.flatMap(({ keys }) => (keys ?? '').split(' ').filter(Boolean)))) add('key', key, true)
  }
  return [...all].map(([name, counts]): [string, Counts] => [name, inOrder(counts)]).sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The same, as they are rolled up. */
export async function rolledUp(db: Database): Promise<[string, Counts][]> {
  const { rows } = await sql<
    Figures & {
      workspace_id: number
      dimension: string
      day: string
      value: string
      delays: Record<string, number> | null
      accepted_at: Date | null
    }
  >`
    select r.*, day::text as day from daily_rollup r`.execute(db)
  return rows
    .map(({ workspace_id, dimension, day, value, delays, accepted_at, ...counts }): [string, Counts] => [
      [workspace_id, dimension, day, value].join('|'),
      inOrder({
        ...Object.fromEntries(Object.entries(counts).filter(([, it]) => it !== 0 && it !== null)),
        ...(accepted_at !== null && { accepted_at: accepted_at.toISOString() }),
        ...(delays !== null && { delays }),
      }),
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

const inOrder = (counts: Counts): Counts => Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))
