/** How far each dataset of a workspace has come. */
import { sql } from 'kysely'
import type { Caller } from '../settings/caller.ts'
import { findWorkspace } from '../settings/find.ts'
import { type Step, type Tick, type TickedStep, wayOf } from './way.ts'

export interface DatasetWay {
  datasetId: number
  metaId: string
  /** The first is the one on which Meta accepted an event, null before; the way takes about 60. */
  day: number | null
  steps: Step[]
}

/** Throws `CodedError` `workspace_unknown`. */
export async function readWay(caller: Caller, workspace: string | number): Promise<DatasetWay[]> {
  const { db } = caller
  const { id: workspaceId } = await findWorkspace(caller, workspace)
  const now = Date.now()
  const { rows } = await sql<{ id: number; meta_id: string; held: string | null; accepted_at: Date | null; days: string[] | null }>`
    select d.id, d.meta_id, case when d.state = 'held' then d.hold_text end as held, min(r.accepted_at) as accepted_at,
      array_agg(r.day::text order by r.day) filter (where r.sent > 0) as days
    from dataset d
    left join daily_rollup r on r.workspace_id = d.workspace_id and r.dimension = 'dataset' and r.value = d.id::text
    where d.workspace_id = ${workspaceId} group by d.id order by d.id`.execute(db)
  const ticks = await db
    .selectFrom('way_tick')
    .selectAll()
    .where('dataset_id', 'in', rows.length === 0 ? [0] : rows.map(({ id }) => id))
    .execute()
  return rows.map(({ id, meta_id, held, accepted_at, days }) => {
    const own = ticks.flatMap((it): [string, Tick][] => (it.dataset_id === id ? [[it.step, { by: it.ticked_by, at: it.ticked_at }]] : []))
    const facts = {
      acceptedAt: accepted_at,
      days: days ?? [],
      held,
      now,
      ticks: Object.fromEntries(own) as Partial<Record<TickedStep, Tick>>,
    }
    const day = accepted_at === null ? null : Math.floor((now - accepted_at.getTime()) / 86_400_000) + 1
    return { datasetId: id, metaId: meta_id, day, steps: wayOf(facts) }
  })
}
