/** Milestones: that a lead reached an event name at a dataset, once and for all. The caller holds the lead. */
import { sql } from 'kysely'
import type { Milestone } from '../../mappings/stage-policy.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'

export interface ReachedMilestone extends Milestone {
  /** Its event has left the outbox. */
  gone: boolean
}

/** As it lies in the database. */
export interface StoredMilestone extends ReachedMilestone {
  datasetId: number
  leadId: string
  eventId: string
}

/** Milestones of these leads at these datasets, by `milestoneKey`, all of them taken for gone: see `findUnsent`. */
export async function readMilestones(
  trx: Database,
  datasetIds: readonly number[],
  leadIds: readonly string[],
): Promise<Map<string, StoredMilestone[]>> {
  const byKey = new Map<string, StoredMilestone[]>()
  if (leadIds.length === 0 || datasetIds.length === 0) return byKey
  const found = await sql<{
    dataset_id: number
    lead_id: string
    event_name: string
    occurred_at: Date
    event_id: string
    raw_lead: boolean
  }>`
    select dataset_id, lead_id, event_name, occurred_at, event_id, raw_lead from milestone
    where lead_id = any(${leadIds}::bigint[]) and dataset_id = any(${datasetIds}::int[])`.execute(trx)
  for (const row of found.rows) {
    const { dataset_id: datasetId, lead_id: leadId, event_name: eventName } = row
    const milestone = {
      ...{ datasetId, leadId, eventName, occurredAt: row.occurred_at.getTime() },
      ...{ eventId: row.event_id, rawLead: row.raw_lead, gone: true },
    }
    const key = milestoneKey(datasetId, leadId)
    const reached = byKey.get(key)
    if (reached === undefined) byKey.set(key, [milestone])
    else reached.push(milestone)
  }
  return byKey
}

/** Notes which of these milestones have their event in the outbox still. */
export async function findUnsent(trx: Database, milestones: readonly StoredMilestone[]): Promise<void> {
  if (milestones.length === 0) return
  const columns = { dataset_id: 'int', occurred_at: 'timestamptz', event_id: 'uuid', n: 'int' }
  const items = milestones.map(({ datasetId, occurredAt, eventId }, n) => ({
    dataset_id: datasetId,
    occurred_at: new Date(occurredAt),
    event_id: eventId,
    n,
  }))
  const found = await sql<{ n: number }>`
    select v.n from ${rows('v', columns, items)}
    join outbox o on o.dataset_id = v.dataset_id and o.occurred_at = v.occurred_at and o.event_id = v.event_id`.execute(trx)
  for (const { n } of found.rows) (milestones[n] as StoredMilestone).gone = false
}

export const milestoneKey = (datasetId: number, leadId: string): string => `${datasetId}/${leadId}`

export interface NewMilestone {
  datasetId: number
  leadId: string
  eventName: string
  occurredAt: number
  eventId: string
  rawLead: boolean
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
    raw_lead: item.rawLead,
  }))
  const columns = {
    dataset_id: 'int',
    lead_id: 'bigint',
    event_name: 'text',
    occurred_at: 'timestamptz',
    event_id: 'uuid',
    raw_lead: 'boolean',
  }
  await sql`
    insert into milestone (dataset_id, lead_id, event_name, occurred_at, event_id, raw_lead)
    select * from ${rows('v', columns, items)}
    on conflict do nothing`.execute(trx)
}
