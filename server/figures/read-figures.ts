/** Figures of a workspace over some days, read from what was rolled up. */
import { sql } from 'kysely'
import { connectors } from '../../connectors/registry.ts'
import type { Database } from '../database/pool.ts'
import type { Caller } from '../settings/caller.ts'
import { findWorkspace } from '../settings/find.ts'
import { problem } from '../settings/problem.ts'
import { type Coverage, coverageOf } from './coverage.ts'
import { nameLines } from './name-lines.ts'

export const dimensions = ['day', 'stage', 'event', 'form', 'ad', 'campaign', 'key', 'dataset'] as const
/** `stage`: of the CRM; `event`: what it is called at Meta; `key`: what Meta was told the person by. */
export type Dimension = (typeof dimensions)[number]

export interface Counts {
  /**
   * Leads generated in these days, without test leads. At stages and events those of them that reached it so far; at keys and datasets
   * those of whom an event was sent so.
   */
  leads: number
  /** Those of them of whom an event was sent. */
  covered: number
  /** Those of whom Meta itself told, and how many of these had an event sent. */
  captured: number
  capturedCovered: number
  /** Stages reached in these days, by what became of them, once for each dataset. What still waits is not counted. */
  sent: number
  unconfirmed: number
  rejected: number
  expired: number
  suppressed: number
}

export interface FiguresLine extends Counts {
  /** The day, the event's name, the id of form, ad or campaign (empty where none is known), the key as Meta spells it, `<connection>/<stage key>`. */
  value: string
  /** For people. */
  name: string
}

export interface Figures {
  workspaceId: number
  by: Dimension
  /** Days, both inclusive, `YYYY-MM-DD`. */
  from: string
  to: string
  /** Whose days they are: the time zone of the workspace's digest. */
  timeZone: string
  /** Up to when everything that is younger than two days is in; null: nothing was rolled up yet. */
  asOf: Date | null
  total: Counts
  coverage: Coverage
  /** Days in their order, everything else with the most sent first. */
  lines: FiguresLine[]
}

export interface WhichFigures {
  workspace: string | number
  /** How many days up to today; 1 to 731, 28 by default. */
  days?: number
  by?: Dimension
}

const MOST_DAYS = 731

/** Throws `CodedError` `workspace_unknown`, `invalid_input`. */
export async function readFigures(caller: Caller, { workspace, days = 28, by = 'day' }: WhichFigures): Promise<Figures> {
  if (!Number.isInteger(days) || days < 1 || days > MOST_DAYS)
    throw problem('invalid_input', `The days have to lie between 1 and ${MOST_DAYS}.`)
  const { db } = caller
  const { id: workspaceId } = await findWorkspace(caller, workspace)
  const { today, timeZone, asOf } = await readToday(db, workspaceId)
  const from = daysBefore(today, days - 1)
  const value = by === 'day' ? sql`day::text` : sql`value`
  const grouped = sql<Counts & { value: string }>`
    select ${value} as value, ${counted} from daily_rollup
    where workspace_id = ${workspaceId} and dimension = ${by === 'day' ? 'all' : by} and day between ${from}::date and ${today}::date
    group by 1 order by ${by === 'day' ? sql`1` : sql`sum(sent) desc, sum(leads) desc, 1`}`
  const [{ rows }, total, page] = await Promise.all([
    grouped.execute(db),
    readTotal(db, workspaceId, from, today),
    hasPage(db, workspaceId),
  ])
  const lines = await nameLines(db, workspaceId, by, rows)
  return { workspaceId, by, from, to: today, timeZone, asOf, total, coverage: coverageOf(total, page), lines }
}

const counted = sql.join(
  (['leads', 'covered', 'captured', 'captured_covered', 'sent', 'unconfirmed', 'rejected', 'expired', 'suppressed'] as const).map(
    (name) => sql`coalesce(sum(${sql.ref(name)}), 0)::int as ${sql.ref(name === 'captured_covered' ? 'capturedCovered' : name)}`,
  ),
)

/** What a workspace has in all over these days, both inclusive. */
export async function readTotal(db: Database, workspaceId: number, from: string, to: string): Promise<Counts> {
  const { rows } = await sql<Counts>`
    select ${counted} from daily_rollup
    where workspace_id = ${workspaceId} and dimension = 'all' and day between ${from}::date and ${to}::date`.execute(db)
  return rows[0] as Counts
}

/** The day that a workspace has now, and up to when its figures are. */
export async function readToday(db: Database, workspaceId: number): Promise<{ today: string; timeZone: string; asOf: Date | null }> {
  const { rows } = await sql<{ today: string; timeZone: string; asOf: Date | null }>`
    select (now() at time zone zone.name)::date::text as today, zone.name as "timeZone",
      (select min(rolled_at) from rolled_day where day between (now() at time zone 'UTC')::date - 1 and (now() at time zone 'UTC')::date + 1) as "asOf"
    from (select coalesce((select time_zone from digest where workspace_id = ${workspaceId}), 'UTC') as name) zone`.execute(db)
  return rows[0] as { today: string; timeZone: string; asOf: Date | null }
}

/** Whether Meta itself tells of the workspace's leads. */
export async function hasPage(db: Database, workspaceId: number): Promise<boolean> {
  const crms = Object.values(connectors).flatMap(({ manifest }) => (manifest.capturesLeads ? [manifest.id] : []))
  const { rows } = await sql`
    select from connection where workspace_id = ${workspaceId} and crm = any(${crms}) and state <> 'removed' limit 1`.execute(db)
  return rows.length > 0
}

/** `YYYY-MM-DD`, so many days before another. */
export const daysBefore = (day: string, days: number): string => new Date(Date.parse(day) - days * 86_400_000).toISOString().slice(0, 10)
