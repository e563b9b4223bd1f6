/** The CRM objects that carry stages, and under which names HubSpot knows them. */
export interface HubspotObject {
  /** `ref.type` of records of this kind, and the prefix of classic subscription types. */
  type: 'contact' | 'deal' | 'lead'
  /** `objectTypeId` of generic webhooks and of record links. */
  typeId: string
  /** Segment of REST paths. */
  path: string
  /** Properties whose values are stages; their names are the stage sources. */
  stages: readonly string[]
  /** The property that says to which pipeline the stage belongs. */
  pipeline?: string
  /** When the record was created. */
  created: string
  /** When anything of the record last changed. */
  modified: string
}

export const contact: HubspotObject = {
  type: 'contact',
  typeId: '0-1',
  path: 'contacts',
  stages: ['lifecyclestage', 'hs_lead_status'],
  created: 'createdate',
  modified: 'lastmodifieddate',
}
export const deal: HubspotObject = {
  type: 'deal',
  typeId: '0-3',
  path: 'deals',
  stages: ['dealstage'],
  pipeline: 'pipeline',
  created: 'createdate',
  modified: 'hs_lastmodifieddate',
}
export const lead: HubspotObject = {
  type: 'lead',
  typeId: '0-136',
  path: 'leads',
  stages: ['hs_pipeline_stage'],
  pipeline: 'hs_pipeline',
  created: 'hs_createdate',
  modified: 'hs_lastmodifieddate',
}
export const objects: readonly HubspotObject[] = [contact, deal, lead]

/** The property of a survivor that lists the ids merged into it, with `;` between. */
export const MERGED_IDS = 'hs_merged_object_ids'
