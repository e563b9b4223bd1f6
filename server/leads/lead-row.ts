/** The leads in an exported table, by its headings: Meta's own export, or that of a tool that brings leads into a CRM. Pure. */
import { CodedError } from '../../connectors/errors.ts'
import type { LeadIdentity } from '../../connectors/record.ts'
import { normaliseLeadId } from '../../mappings/normalise/lead-id.ts'
import { type FieldNoteCode, fieldNoteText } from '../../mappings/reasons.ts'
import type { Captured } from './captured.ts'

export type LeadRow =
  | { kind: 'lead'; metaLeadId: string; captured: Captured; identity: LeadIdentity }
  | { kind: 'unreadable'; code: FieldNoteCode | 'lead_id_missing'; text: string }

/** Headings as they are compared: small letters, everything else an underscore. */
const columns = {
  leadId: ['id', 'lead_id', 'leadgen_id', 'meta_lead_id', 'facebook_lead_id', 'fb_lead_id', 'leadid'],
  createdTime: ['created_time', 'lead_created_time', 'created_at', 'submitted_at'],
  formId: ['form_id'],
  formName: ['form_name'],
  adId: ['ad_id'],
  adName: ['ad_name'],
  adsetId: ['adset_id'],
  adsetName: ['adset_name'],
  campaignId: ['campaign_id'],
  campaignName: ['campaign_name'],
  platform: ['platform'],
  isOrganic: ['is_organic'],
  email: ['email', 'work_email', 'e_mail', 'email_address'],
  phone: ['phone_number', 'phone', 'work_phone_number', 'mobile_phone', 'mobile'],
}
type Column = keyof typeof columns

/**
 * Reads the headings. Returns what reads a row under them.
 * Throws `CodedError` `no_lead_id_column`.
 */
export function leadRows(headings: readonly string[]): (cells: readonly string[]) => LeadRow {
  const known = headings.map((heading) =>
    heading
      .replace(/^\uFEFF/, '')
      .trim()
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '_'),
  )
  const places = Object.fromEntries(
    Object.entries(columns).map(([column, names]) => [column, names.map((name) => known.indexOf(name)).filter((place) => place >= 0)]),
  ) as Record<Column, number[]>
  // A table of Meta's has its lead ids under "id"; where another heading names them, "id" is the tool's own.
  const [leadId] = places.leadId.toSorted((a, b) => Number(known[a] === 'id') - Number(known[b] === 'id'))
  if (leadId === undefined) throw noLeadIds(headings)
  return (cells) => {
    const id = normaliseLeadId(cells[leadId] ?? '')
    if (id === undefined) return { kind: 'unreadable', code: 'lead_id_missing', text: 'The line has no lead id.' }
    if (typeof id !== 'string')
      return { kind: 'unreadable', code: id.dropped as FieldNoteCode, text: fieldNoteText(id.dropped as FieldNoteCode) }
    const all = (column: Column) => places[column].map((place) => unlabelled(cells[place] ?? '')).filter((text) => text !== '')
    const one = (column: Column): string | undefined => all(column)[0]
    const metaId = (column: Column): string | undefined => (/^\d{1,20}$/.test(one(column) ?? '') ? one(column) : undefined)
    const emails = all('email')
    const phones = all('phone')
    const captured: Captured = {
      by: null,
      isTest: cells.some((text) => /^<test lead:/i.test(text.trim())),
      ...present({ formId: metaId('formId'), formName: one('formName'), adId: metaId('adId'), adName: one('adName') }),
      ...present({ adsetId: metaId('adsetId'), adsetName: one('adsetName') }),
      ...present({ campaignId: metaId('campaignId'), campaignName: one('campaignName'), platform: one('platform')?.toLowerCase() }),
    }
    const generatedAt = instantOf(one('createdTime') ?? '')
    if (generatedAt !== undefined) captured.generatedAt = generatedAt
    const organic = one('isOrganic')?.toLowerCase()
    if (organic === 'true' || organic === 'false') captured.organic = organic === 'true'
    return {
      kind: 'lead',
      metaLeadId: id,
      captured,
      identity: { metaLeadId: id, ...(emails.length > 0 && { emails }), ...(phones.length > 0 && { phones }) },
    }
  }
}

/** Meta's exports put a label before ids and numbers, so that spreadsheets leave them alone: `f:`, `ag:`, `p:+49…`. */
const unlabelled = (text: string): string => text.trim().replace(/^[a-z]{1,3}:(?=[+\d])/i, '')

/** Meta writes 2018-02-28T08:49:14+0000, or with a colon in the offset. What names no offset is no instant; ms. */
function instantOf(text: string): number | undefined {
  if (/^\d{10}$/.test(text)) return Number(text) * 1000
  const iso = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)? ?(Z|[+-]\d{2}:?\d{2})$/i.exec(text)
  if (iso === null) return undefined
  const at = Date.parse(text.replace(' ', 'T').replace(/ ?([+-]\d{2})(\d{2})$/, '$1:$2'))
  return Number.isNaN(at) ? undefined : at
}

const present = (from: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(from).filter((entry): entry is [string, string] => entry[1] !== undefined))

function noLeadIds(headings: readonly string[]): CodedError {
  const shown = headings.slice(0, 10).map((heading) => heading.slice(0, 30))
  return new CodedError({
    code: 'no_lead_id_column',
    retry: 'never',
    scope: 'batch',
    userText: `No column holds Meta lead ids: one has to be called "id" or "lead_id". The first line has: ${shown.join(', ')}.`,
  })
}
