/** The live stages and fields of an account, for the mapping page. */
import { z } from 'zod'
import type { ConnectionContext, FieldOption, StageGroup, StageOption } from '../connector.ts'
import { readReply } from './errors.ts'
import { scope } from './install.ts'
import { contact, deal, type HubspotObject, lead } from './objects.ts'
import { api } from './version.ts'

const order = z.number().default(-1)
const property = z.object({
  name: z.string(),
  label: z.string().default(''),
  type: z.string().default(''),
  archived: z.boolean().nullish(),
  options: z
    .array(z.object({ value: z.string(), label: z.string().default(''), displayOrder: order, hidden: z.boolean().default(false) }))
    .default([]),
})
const pipelines = z.object({
  results: z.array(
    z.object({
      id: z.string(),
      label: z.string().default(''),
      displayOrder: order,
      stages: z.array(
        z.object({
          id: z.string(),
          label: z.string().default(''),
          displayOrder: order,
          archived: z.boolean().default(false),
          metadata: z.record(z.string(), z.unknown()).default({}),
        }),
      ),
    }),
  ),
})

/** Lifecycle stage, lead status, and every pipeline of deals and, where their scope is granted, of leads; each in HubSpot's order. */
export async function listStages(context: ConnectionContext): Promise<StageGroup[]> {
  const groups = await Promise.all([
    ...contact.stages.map((source) => readChoices(context, source)),
    readPipelines(context, deal),
    context.scopes.includes(scope.readLeads) ? readPipelines(context, lead) : [],
  ])
  return groups.flat()
}

/** Contact properties, hidden ones too: consent and lead source are often kept in those. */
export async function listFields({ client }: ConnectionContext): Promise<FieldOption[]> {
  const { body } = await client.request({ method: 'GET', url: `/crm/properties/${api.version}/contacts` })
  return readReply(z.object({ results: z.array(property) }), body)
    .results.filter(({ archived }) => !archived)
    .map(({ name, label, type }) => ({ recordType: contact.type, name, label: label || name, type: fieldTypes[type] ?? 'other' }))
}

const fieldTypes: Record<string, FieldOption['type']> = {
  string: 'text',
  phone_number: 'text',
  number: 'number',
  enumeration: 'choice',
  bool: 'choice',
  date: 'date',
  datetime: 'date',
}

/** The values of a stage property of contacts; nothing if an account has no such property. */
async function readChoices({ client }: ConnectionContext, source: string): Promise<StageGroup[]> {
  const { status, body } = await client.request({
    method: 'GET',
    url: `/crm/properties/${api.version}/contacts/${source}`,
    expect: [404],
  })
  if (status === 404) return []
  const { label, options } = readReply(property, body)
  const kind = source === 'lifecyclestage' ? lifecycleKind : leadStatusKind
  const stages = sorted(options).map(
    (option, index): StageOption => ({
      id: option.value,
      label: option.label || option.value,
      order: index,
      kind: kind(option.value, option.label),
      archived: option.hidden,
    }),
  )
  return [{ recordType: contact.type, source, label: label || source, stages }]
}

async function readPipelines({ client }: ConnectionContext, object: HubspotObject): Promise<StageGroup[]> {
  const { body } = await client.request({ method: 'GET', url: `/crm/pipelines/${api.version}/${object.path}` })
  const source = object.stages[0] as string
  return sorted(readReply(pipelines, body).results).map(({ id, label, stages }) => ({
    recordType: object.type,
    source,
    pipelineId: id,
    label: `${object === deal ? 'Deals' : 'Leads'}: ${label || id}`,
    stages: sorted(stages).map(
      (stage, index): StageOption => ({
        id: stage.id,
        label: stage.label || stage.id,
        order: index,
        kind: object === deal ? dealKind(stage.metadata) : leadStatusKind(stage.id, stage.label),
        archived: stage.archived,
      }),
    ),
  }))
}

/** A closed deal stage is won at probability 1 and lost at 0 (HubSpot, pipelines); metadata holds both as text. */
function dealKind({ isClosed, probability }: Record<string, unknown>): StageOption['kind'] {
  if (String(isClosed) !== 'true') return 'open'
  if (Number(probability) === 1) return 'won'
  return Number(probability) === 0 ? 'lost' : 'other'
}

function lifecycleKind(id: string): StageOption['kind'] {
  if (id === 'customer') return 'won'
  return ['subscriber', 'evangelist', 'other'].includes(id) ? 'other' : 'open'
}

/** Lead statuses say nothing of their meaning but their words. A guess; it only decides what is proposed. */
function leadStatusKind(id: string, label: string): StageOption['kind'] {
  return /unqualif|disqualif|bad[ _-]?timing|not[ _-]?interested|\blost\b|\bjunk\b|\bspam\b/i.test(`${id} ${label}`) ? 'lost' : 'open'
}

/** In HubSpot's display order; -1 means "after the others". */
function sorted<T extends { displayOrder: number }>(items: readonly T[]): T[] {
  const place = ({ displayOrder }: T) => (displayOrder < 0 ? Number.MAX_SAFE_INTEGER : displayOrder)
  return items.toSorted((a, b) => place(a) - place(b))
}
