/** Milestones: that a lead reached an event name at a dataset, once and for all. The caller holds the lead. */
import { sql } from 'kysely'
import type { Milestone } from '../../mappings/stage-policy.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'

export interface ReachedMilestone extends Milestone {
  /** Its event has left the outbox. */
  gone: boolean
}

/** Milestones of these leads at these datasets, by `milestoneKey`. */
export async function readMilestones(
  trx: Database,
  datasetIds: readonly number[],
  leadIds: readonly string[],
): Promise<Map<string, ReachedMilestone[]>> {
  const byKey = new Map<string, ReachedMilestone[]>()
  if (leadIds.length === 0 || datasetIds.length === 0) return byKey
  const found = await sql<{ dataset_id: number; lead_id: string; event_name: string; occurred_at: Date; gone: boolean }>`
    select m.dataset_id, m.lead_id, m.event_name, m.occurred_at, o.event_id is null as gone
    from milestone m
    left join outbox o on o.dataset_id = m.dataset_id and o.occurred_at = m.occurred_at and o.event_id = m.event_id
    where m.lead_id = any(${leadIds}::bigint[]) and m.dataset_id = any(${datasetIds}::int[])`.execute(trx)
  for (const row of found.rows) {
    const key = milestoneKey(row.dataset_id, row.lead_id)
    const entry = { eventName: row.event_name, occurredAt: row.occurred_at.getTime(), gone: row.gone }
    byKey.set(key, [...(byKey.get(key) ?? []), entry])
  }
  return byKey
}

export const milestoneKey = (datasetId: number, leadId: string): string => `${datasetId}/${leadId}`

export interface NewMilestone {
  datasetId: number
  leadId: string
  eventName: string
  occurredAt: number
  eventId: string
}

/** Takes milestones; the first recorded occurrence stays. */
export async function takeMilestones(trx: Database, milestones: readonly NewMilestone[]): Promise<void> {
  if (milestones.length === 0) return
  const items = milestones.map((item) => ({
    dataset_id: item.datasetId,
    lead_id: item.leadId,
    event_name: item.eventName,
    occurred_at: new Date(item.occurredAt),
    event_id: item.eventId,
  }))
  await sql`
    insert into milestone (dataset_id, lead_id, event_name, occurred_at, event_id)
    select * from ${rows('v', { dataset_id: 'int', lead_id: 'bigint', event_name: 'text', occurred_at: 'timestamptz', event_id: 'uuid' }, items)}
    on conflict do nothing`.execute(trx)
}
