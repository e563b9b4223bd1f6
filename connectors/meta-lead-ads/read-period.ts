/**
 * The leads of a period, as the forms of the page have them: what finds leads whose webhook never came. They are shown with all that is
 * known of them, so that none of them has to be asked for again.
 */
import { z } from 'zod'
import type { ConnectionContext, HistoryPage } from '../connector.ts'
import { type Form, findTests, listForms } from './forms.ts'
import { type LeadNode, leadFields, leadNode, snapshotOf } from './lead.ts'
import type { ShownLead } from './normalise.ts'
import { readEdgePage } from './read-edge.ts'
import { unlessRefused } from './unless-refused.ts'

/** What can wait makes room for leads that were reported a moment ago. */
export const BULK = 'bulk'

const place = z.object({ forms: z.array(z.object({ id: z.string(), name: z.string().optional() })), after: z.string().optional() })
type Place = { forms: Form[]; after?: string }

/** See `Connector.history`: form by form, page by page. A position of another release is none: the period is read from its beginning. */
export async function readPeriod(
  context: ConnectionContext,
  period: { from: number; to: number },
  position: string | undefined,
): Promise<HistoryPage> {
  const { forms, after } = readPlace(position) ?? { forms: await listForms(context, BULK) }
  const [form, ...others] = forms
  if (form === undefined) return { changes: [], records: 0 }
  const page = await readLeadsOf(context, form, period, after)
  const tests = await findTests(context, page.nodes, BULK)
  const changes = page.nodes.map(
    (lead): ShownLead => ({
      id: lead.id,
      at: lead.created_time,
      snapshot: snapshotOf(lead, { formName: form.name, isTest: tests.has(lead.id), ruleFields: context.ruleFields }),
    }),
  )
  const next: Place | undefined =
    page.after !== undefined ? { forms, after: page.after } : others.length > 0 ? { forms: others } : undefined
  return { changes, records: changes.length, ...(next && { next: JSON.stringify(next) }) }
}

/** A form may be deleted while the others are read. */
async function readLeadsOf(
  { client, scopes }: ConnectionContext,
  form: Form,
  { from, to }: { from: number; to: number },
  after: string | undefined,
): Promise<{ nodes: LeadNode[]; after?: string }> {
  const filtering = JSON.stringify([
    { field: 'time_created', operator: 'GREATER_THAN_OR_EQUAL', value: Math.floor(from / 1000) },
    { field: 'time_created', operator: 'LESS_THAN', value: Math.ceil(to / 1000) },
  ])
  const edge = { url: `/${form.id}/leads`, query: { fields: leadFields(scopes), filtering }, bucket: BULK }
  return unlessRefused(() => readEdgePage(client, edge, leadNode, after), { nodes: [] }, 'not_found')
}

function readPlace(position: string | undefined): Place | undefined {
  try {
    const { forms, after } = place.parse(JSON.parse(position ?? ''))
    return { forms: forms.map(({ id, name }) => ({ id, ...(name !== undefined && { name }) })), ...(after !== undefined && { after }) }
  } catch {
    return undefined
  }
}
