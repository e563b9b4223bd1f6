/** One lead as the Graph API shows it, and what it means. */
import { z } from 'zod'
import type { MetaLead, RecordSnapshot } from '../connector.ts'
import { isInstant } from '../is-instant.ts'
import { readIdentity } from './identity.ts'
import { ADS_MANAGEMENT } from './permissions.ts'

export const LEAD = 'lead'

const text = z.string().min(1).optional().catch(undefined)
const id = z.string().regex(/^\d{1,20}$/)

/** A lead node; what cannot be read of it but id and time is not there. Times look like 2018-02-28T08:49:14+0000. */
export const leadNode = z.object({
  id,
  created_time: z
    .string()
    .transform((time) => Date.parse(time.replace(/([+-]\d{2})(\d{2})$/, '$1:$2')))
    .refine(isInstant),
  form_id: id.optional().catch(undefined),
  ad_id: id.optional().catch(undefined),
  ad_name: text,
  adset_id: text,
  adset_name: text,
  campaign_id: text,
  campaign_name: text,
  platform: text,
  is_organic: z.boolean().optional().catch(undefined),
  field_data: z.array(z.object({ name: z.string(), values: z.array(z.string()).catch([]) })).catch([]),
  custom_disclaimer_responses: z.array(z.object({ checkbox_key: z.string(), is_checked: z.string().catch('') })).catch([]),
})
export type LeadNode = z.infer<typeof leadNode>

/** The fields to ask for. From which ad a lead comes is told only to those who may manage ads. */
export function leadFields(scopes: readonly string[]): string {
  const plain = ['id', 'created_time', 'form_id', 'field_data', 'custom_disclaimer_responses', 'is_organic', 'platform']
  const ofAd = ['ad_id', 'ad_name', 'adset_id', 'adset_name', 'campaign_id', 'campaign_name']
  return [...plain, ...(scopes.includes(ADS_MANAGEMENT) ? ofAd : [])].join(',')
}

/** Whether a lead may be a test lead: those belong to no ad, as leads do that people found the form for by themselves. */
export const mayBeTest = (lead: LeadNode): boolean => lead.ad_id === undefined

/** What is told of a lead elsewhere than in it. */
export interface LeadContext {
  formName: string | undefined
  isTest: boolean
  ruleFields: readonly string[]
}

/** The lead as the record of its page. Pure. */
export function snapshotOf(lead: LeadNode, { formName, isTest, ruleFields }: LeadContext): RecordSnapshot {
  const answers = Object.fromEntries(lead.field_data.map(({ name, values }) => [name, values]))
  const values = new Map<string, string | undefined>([
    ...Object.entries({ form_id: lead.form_id, platform: lead.platform, campaign_id: lead.campaign_id }),
    ...lead.field_data.map(({ name, values }) => [name, values.join('; ')] as const),
    // Consent check boxes are told apart from the answers: "1" where checked, empty where not.
    ...lead.custom_disclaimer_responses.map(({ checkbox_key, is_checked }) => [checkbox_key, is_checked] as const),
  ])
  const metaLead: MetaLead = {
    generatedAt: lead.created_time,
    isTest,
    ...present({ formId: lead.form_id, formName, adId: lead.ad_id, adName: lead.ad_name }),
    ...present({ adsetId: lead.adset_id, adsetName: lead.adset_name, campaignId: lead.campaign_id, campaignName: lead.campaign_name }),
    ...present({ platform: lead.platform }),
    ...(lead.is_organic !== undefined && { organic: lead.is_organic }),
  }
  return {
    ref: { type: LEAD, id: lead.id },
    found: true,
    createdAt: lead.created_time,
    identity: readIdentity(lead.id, answers),
    stages: [],
    fields: Object.fromEntries(ruleFields.map((name) => [name, values.get(name) ?? null])),
    metaLead,
  }
}

const present = (from: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(from).filter((entry): entry is [string, string] => entry[1] !== undefined))
