/** Nodes as the Graph API writes them: the fields that were asked for, the id always, nothing empty. */
import type { Form, Lead } from './page-book.ts'

/** Names of the fields asked for; what is said of a field in brackets or behind a dot is left out. */
export function fieldsOf(text: string | null): string[] {
  return (text ?? 'id')
    .replace(/\{(?:[^{}]|\{[^{}]*\})*\}/g, '')
    .split(',')
    .map((name) => name.split('.')[0] ?? '')
}

const leadNames = [
  ...['id', 'created_time', 'form_id', 'field_data', 'custom_disclaimer_responses', 'is_organic', 'platform'],
  ...['ad_id', 'ad_name', 'adset_id', 'adset_name', 'campaign_id', 'campaign_name'],
]
const formNames = ['id', 'name', 'leads_count', 'questions', 'legal_content', 'status']

/** Fields that only those who may manage ads are told of. */
export const adNames: readonly string[] = leadNames.slice(7)

/** The first field that there is none of. */
export const unknownLeadField = (fields: readonly string[]) => fields.find((name) => !leadNames.includes(name))
export const unknownFormField = (fields: readonly string[]) => fields.find((name) => !formNames.includes(name))

/** 2018-02-28T08:49:14+0000 */
const timeOf = (at: number) => `${new Date(at).toISOString().slice(0, 19)}+0000`

export function renderLead(lead: Lead, fields: readonly string[]): Record<string, unknown> {
  return picked(fields, {
    id: lead.id,
    created_time: timeOf(lead.at),
    form_id: lead.form,
    field_data: Object.entries(lead.answers).map(([name, values]) => ({ name, values: [values].flat() })),
    custom_disclaimer_responses:
      Object.keys(lead.consents).length === 0
        ? undefined
        : Object.entries(lead.consents).map(([checkbox_key, checked]) => ({ checkbox_key, is_checked: checked ? '1' : '' })),
    is_organic: lead.ad === undefined,
    platform: lead.platform,
    ...lead.ad,
  })
}

export function renderForm(form: Form, fields: readonly string[]): Record<string, unknown> {
  return picked(fields, {
    id: form.id,
    name: form.name,
    status: 'ACTIVE',
    leads_count: form.leads.length,
    questions: form.questions.map(({ key, label }) => ({ key, label, type: 'CUSTOM' })),
    legal_content: form.checkboxes.length === 0 ? undefined : { custom_disclaimer: { title: 'Consent', checkboxes: form.checkboxes } },
  })
}

function picked(fields: readonly string[], all: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(['id', ...fields].flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])))
}
