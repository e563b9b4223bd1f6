/** What is known of a workspace's stages, judged by Meta's conditions. */
import { sql } from 'kysely'
import { funnelPosition } from '../../mappings/stage-policy.ts'
import type { Database } from '../database/pool.ts'
import type { Caller } from '../settings/caller.ts'
import { findWorkspace } from '../settings/find.ts'
import { currentMapping } from '../settings/mappings.ts'
import { coverageOf } from './coverage.ts'
import { addDelays, type Delays } from './delays.ts'
import { daysBefore, hasPage, readToday, readTotal } from './read-figures.ts'
import { judgeStages, type Suitability } from './suitability.ts'

/** What Meta gives a lead to reach a stage. */
const RIPE_DAYS = 28
/** Leads of so many days are looked at, the latest that have had their 28 days. */
const COHORT_DAYS = 90
const MONTH_DAYS = 30

export interface StageReport extends Suitability {
  workspaceId: number
  /** The days of the leads that were looked at, both inclusive, `YYYY-MM-DD`: all have had 28 days. */
  from: string
  to: string
  matureLeads: number
  asOf: Date | null
}

/** Throws `CodedError` `workspace_unknown`. */
export async function readStages(caller: Caller, workspace: string | number): Promise<StageReport> {
  const { db } = caller
  const { id: workspaceId } = await findWorkspace(caller, workspace)
  const { today, asOf } = await readToday(db, workspaceId)
  const to = daysBefore(today, RIPE_DAYS + 1)
  const from = daysBefore(to, COHORT_DAYS - 1)
  const lately = daysBefore(today, RIPE_DAYS - 1)
  const [recent, { leads: matureLeads }, page, month, sentNames, stages] = await Promise.all([
    readTotal(db, workspaceId, lately, today),
    readTotal(db, workspaceId, from, to),
    hasPage(db, workspaceId),
    readMonth(db, workspaceId, today),
    countSentNames(db, workspaceId, lately),
    readReached(db, workspaceId, from, to),
  ])
  const judged = judgeStages({ matureLeads, ...month, coverage: coverageOf(recent, page), sentNames, stages })
  return { workspaceId, from, to, matureLeads, asOf, ...judged }
}

/** The last whole days. */
async function readMonth(db: Database, workspaceId: number, today: string): Promise<{ monthLeads: number; monthDays: number }> {
  const { rows } = await sql<{ leads: number; days: number }>`
    select coalesce(sum(leads) filter (where day between ${daysBefore(today, MONTH_DAYS)}::date and ${daysBefore(today, 1)}::date), 0)::int as leads,
      coalesce(least(${MONTH_DAYS}, ${today}::date - min(day) filter (where leads > 0)), 0) as days
    from daily_rollup where workspace_id = ${workspaceId} and dimension = 'all'`.execute(db)
  return { monthLeads: rows[0]?.leads ?? 0, monthDays: rows[0]?.days ?? 0 }
}

async function countSentNames(db: Database, workspaceId: number, from: string): Promise<number> {
  const { rows } = await sql<{ names: number }>`
    select count(distinct value)::int as names from daily_rollup
    where workspace_id = ${workspaceId} and dimension = 'event' and day >= ${from}::date and sent > 0`.execute(db)
  return rows[0]?.names ?? 0
}

/** Event names of today's mappings in funnel order, with what the leads of these days reached. Names of earlier mappings are left out. */
async function readReached(db: Database, workspaceId: number, from: string, to: string) {
  const { rows } = await sql<{ name: string; covered: number; delays: Delays | null }>`
    select value as name, covered, delays from daily_rollup
    where workspace_id = ${workspaceId} and dimension = 'event' and day between ${from}::date and ${to}::date`.execute(db)
  const byName = Map.groupBy(rows, ({ name }) => name)
  return [...(await readFunnel(db, workspaceId))].map((eventName) => {
    const days = byName.get(eventName) ?? []
    return {
      eventName,
      delays: days.reduce((sum: Delays, { delays }) => addDelays(sum, delays), {}),
      covered: days.reduce((sum, { covered }) => sum + covered, 0),
    }
  })
}

/** Of several connections, a name stands where it stands deepest. */
async function readFunnel(db: Database, workspaceId: number): Promise<string[]> {
  const { rows } = await sql<{ id: number }>`
    select id from connection where workspace_id = ${workspaceId} and state <> 'removed' order by id`.execute(db)
  const places = new Map<string, number>()
  for (const { id } of rows) {
    const { mapping } = await currentMapping(db, id)
    const names = mapping.stages.flatMap(({ eventName, negative }) => (eventName === null || negative ? [] : [eventName]))
    if (mapping.rawLead.enabled && mapping.stages.length > 0) names.push(mapping.rawLead.eventName)
    for (const name of names) places.set(name, Math.max(places.get(name) ?? 0, funnelPosition(mapping, name)))
  }
  return [...places].sort(([, a], [, b]) => a - b).map(([name]) => name)
}
