/** What rules can look at: the questions of the page's forms, and their consent check boxes. */
import { z } from 'zod'
import type { ConnectionContext, FieldOption } from '../connector.ts'
import { LEAD } from './lead.ts'
import { readEdge } from './read-edge.ts'

const form = z.object({
  questions: z.array(z.object({ key: z.string(), label: z.string().optional().catch(undefined) })).catch([]),
  legal_content: z
    .object({ custom_disclaimer: z.object({ checkboxes: z.array(z.object({ key: z.string(), text: z.string().catch('') })).catch([]) }) })
    .optional()
    .catch(undefined),
})

const known: FieldOption[] = [
  { recordType: LEAD, name: 'form_id', label: 'Form', type: 'text' },
  { recordType: LEAD, name: 'campaign_id', label: 'Campaign', type: 'text' },
  { recordType: LEAD, name: 'platform', label: 'Facebook (fb) or Instagram (ig)', type: 'text' },
]

/** See `Connector.listFields`. Questions with the same key are one field, whichever form they are on. */
export async function listFields({ client, account }: ConnectionContext): Promise<FieldOption[]> {
  const query = { fields: 'questions,legal_content{custom_disclaimer{checkboxes}}' }
  const forms = await readEdge(client, { url: `/${account}/leadgen_forms`, query, bucket: undefined }, form)
  const asked = forms.flatMap(({ questions, legal_content }) => [
    ...questions.map(({ key, label }): FieldOption => ({ recordType: LEAD, name: key, label: label ?? key, type: 'text' })),
    ...(legal_content?.custom_disclaimer.checkboxes ?? []).map(
      ({ key, text }): FieldOption => ({
        recordType: LEAD,
        name: key,
        label: `Check box: ${text || key} ("1" where checked)`,
        type: 'choice',
      }),
    ),
  ])
  return [...new Map([...known, ...asked].map((field) => [field.name, field])).values()]
}
