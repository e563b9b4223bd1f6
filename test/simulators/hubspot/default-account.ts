import type { ObjectType } from './object-types.ts'

export interface PropertyOption {
  label: string
  value: string
  displayOrder: number
  hidden: boolean
}
/** A property definition, in the words of the properties API. */
export interface Property {
  name: string
  label: string
  type: string
  fieldType: string
  groupName: string
  description: string
  displayOrder: number
  hidden: boolean
  formField: boolean
  hubspotDefined: boolean
  options: PropertyOption[]
}
export interface PipelineStage {
  id: string
  label: string
  displayOrder: number
  archived: boolean
  writePermissions: string
  metadata: Record<string, string>
}
export interface Pipeline {
  id: string
  label: string
  displayOrder: number
  archived: boolean
  stages: PipelineStage[]
}

const lifecycleStages = [
  'subscriber',
  'lead',
  'marketingqualifiedlead',
  'salesqualifiedlead',
  'opportunity',
  'customer',
  'evangelist',
  'other',
]
const leadStatuses = ['NEW', 'OPEN', 'IN_PROGRESS', 'OPEN_DEAL', 'UNQUALIFIED', 'ATTEMPTED_TO_CONTACT', 'CONNECTED', 'BAD_TIMING']

const text: Record<ObjectType['name'], string> = {
  contacts:
    'email hs_additional_emails phone mobilephone hs_calculated_phone_number hs_calculated_mobile_number hs_calculated_phone_number_country_code firstname lastname gender date_of_birth city state zip country hs_country_region_code hs_state_code hs_facebook_click_id hs_facebookid hs_google_click_id hs_analytics_source hs_analytics_source_data_1 hs_analytics_source_data_2 hs_latest_source hs_latest_source_data_1 hs_latest_source_data_2 first_conversion_event_name recent_conversion_event_name hs_object_source hs_object_source_label hs_object_source_detail_1 hs_object_source_detail_2 hs_object_source_detail_3 hs_merged_object_ids hs_object_id',
  companies: 'name domain hs_object_id',
  deals: 'dealname dealstage pipeline deal_currency_code hs_object_source hs_object_source_label hs_merged_object_ids hs_object_id',
  leads:
    'hs_lead_name hs_lead_type hs_lead_label hs_pipeline hs_pipeline_stage hs_associated_contact_email hs_associated_contact_firstname hs_associated_contact_lastname hs_object_id',
}
const others: Record<ObjectType['name'], Record<string, string>> = {
  contacts: { createdate: 'datetime', lastmodifieddate: 'datetime', hs_facebook_ad_clicked: 'bool', hs_data_privacy_ads_consent: 'bool' },
  companies: { createdate: 'datetime', hs_lastmodifieddate: 'datetime' },
  deals: {
    createdate: 'datetime',
    hs_lastmodifieddate: 'datetime',
    closedate: 'datetime',
    amount: 'number',
    amount_in_home_currency: 'number',
    hs_is_closed: 'bool',
    hs_is_closed_won: 'bool',
  },
  leads: { hs_createdate: 'datetime', createdate: 'datetime', hs_lastmodifieddate: 'datetime' },
}

/** Fills a property definition up from what a caller gave. */
export function property(given: Partial<Property> & { name: string }): Property {
  return {
    label: given.name,
    type: 'string',
    fieldType: 'text',
    groupName: 'contactinformation',
    description: '',
    displayOrder: -1,
    hidden: false,
    formField: false,
    hubspotDefined: false,
    ...given,
    options: given.options ?? [],
  }
}

/** The property definitions of a new account. None of them holds a Meta lead id. */
export function defaultProperties(type: ObjectType): Property[] {
  const groupName = `${type.singular}information`
  const properties = text[type.name].split(' ').map((name) => property({ name, groupName, hubspotDefined: true }))
  for (const [name, kind] of Object.entries(others[type.name])) {
    const fieldType = kind === 'bool' ? 'booleancheckbox' : kind === 'number' ? 'number' : 'date'
    properties.push(property({ name, type: kind, fieldType, groupName, hubspotDefined: true }))
  }
  if (type.name !== 'contacts') return properties
  const choice = (name: string, fieldType: string, values: string[]) =>
    property({
      name,
      type: 'enumeration',
      fieldType,
      groupName,
      hubspotDefined: true,
      options: values.map((value, displayOrder) => ({ label: value, value, displayOrder, hidden: false })),
    })
  properties.push(choice('lifecyclestage', 'radio', lifecycleStages), choice('hs_lead_status', 'radio', leadStatuses))
  return properties
}

/** The pipelines of a new account: one for deals, one for leads. */
export function defaultPipelines(type: ObjectType): Pipeline[] {
  if (type.name === 'deals')
    return [
      pipeline('default', 'Sales Pipeline', [
        ['appointmentscheduled', '0.2'],
        ['qualifiedtobuy', '0.4'],
        ['presentationscheduled', '0.6'],
        ['decisionmakerboughtin', '0.8'],
        ['contractsent', '0.9'],
        ['closedwon', '1.0'],
        ['closedlost', '0.0'],
      ]),
    ]
  if (type.name === 'leads')
    return [
      pipeline('lead-pipeline-id', 'Lead Pipeline', [
        ['new-stage-id'],
        ['attempting-stage-id'],
        ['connected-stage-id'],
        ['qualified-stage-id'],
        ['unqualified-stage-id'],
      ]),
    ]
  return []
}

/** A pipeline from stage ids in order, with the probability of deal stages (1.0 is won, 0.0 is lost). */
export function pipeline(id: string, label: string, stages: [id: string, probability?: string][]): Pipeline {
  return {
    id,
    label,
    displayOrder: 0,
    archived: false,
    stages: stages.map(([stageId, probability], displayOrder) => ({
      id: stageId,
      label: stageId,
      displayOrder,
      archived: false,
      writePermissions: 'CRM_PERMISSIONS_ENFORCEMENT',
      metadata: stageMetadata(probability),
    })),
  }
}

function stageMetadata(probability: string | undefined): Record<string, string> {
  return probability === undefined ? {} : { probability, isClosed: String(probability === '1.0' || probability === '0.0') }
}
