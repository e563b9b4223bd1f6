/** The objects that carry stages, and under which names Salesforce knows them. */
import type { Entity } from './change.ts'

export interface SalesforceObject {
  /** `ref.type` of records of this kind. */
  type: 'lead' | 'opportunity'
  entity: Entity
  /** Stage source. */
  source: 'lead_status' | 'opportunity_stage'
  /** The field that holds the stage. */
  stage: 'Status' | 'StageName'
  /** What the ids of its records begin with (Salesforce, standard field types: ID). */
  prefix: '00Q' | '006'
}

export const lead: SalesforceObject = { type: 'lead', entity: 'Lead', source: 'lead_status', stage: 'Status', prefix: '00Q' }
export const opportunity: SalesforceObject = {
  type: 'opportunity',
  entity: 'Opportunity',
  source: 'opportunity_stage',
  stage: 'StageName',
  prefix: '006',
}
export const objects: readonly SalesforceObject[] = [lead, opportunity]
