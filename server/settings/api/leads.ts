/** Which leads count, how they are recognised, and what may be sent of them. */
import { z } from 'zod'
import { rules as rulesSchema } from '../../../mappings/rules.ts'
import { stageMapping } from '../../../mappings/stage-mapping.ts'
import type { Caller } from '../caller.ts'
import { createLeadIdField } from '../lead-id-field.ts'
import { listMissingLeads, setMissingAfter } from '../missing-leads.ts'
import { previewLead } from '../preview-lead.ts'
import { readRules, readSettings, setRules, setSettings } from '../rules.ts'
import { listFields, sampleFields } from '../sample-fields.ts'
import { tryRules } from '../try-rules.ts'
import { answers, ok, requested, versioned } from './answers.ts'
import { lastChange, Outdated, versionOf } from './outdated.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { tenantOf } from './visitor.ts'

const recordRef = z.object({ type: z.string().min(1).max(100), id: z.string().min(1).max(200) })
const someRules = z
  .record(z.string(), z.unknown())
  .meta({ description: 'the rules to be changed, as in `rules` of the answer; null takes one back to its default' })
const MOST_FIELDS = 20

export const leadRules = z.object({ version: z.string(), rules: rulesSchema }).meta({ id: 'LeadRules' })
export const crmSettings = z
  .object({
    version: z.string(),
    settings: z.record(z.string(), z.unknown()),
    schema: z
      .record(z.string(), z.unknown())
      .meta({ description: 'JSON Schema of the settings that the CRM of this account has, with descriptions' }),
  })
  .meta({ id: 'CrmSettings' })
export const triedRules = z
  .object({
    people: z.int(),
    withLeadId: z.int(),
    permitted: z.int(),
    counting: z.object({ meta_leads: z.int(), lead_id_only: z.int(), anyone: z.int() }),
  })
  .meta({ id: 'TriedRules' })
export const leadPreview = z
  .object({
    record: recordRef,
    datasetId: z.string().nullable(),
    stages: z.array(
      z.object({
        stage: z.object({ source: z.string(), pipelineId: z.string().optional(), id: z.string() }),
        occurredAt: z.date(),
        event: z
          .string()
          .nullable()
          .meta({ description: 'the event as JSON text, exactly as Meta would get it; its lead id exceeds a JavaScript number' }),
        reason: z.string().nullable(),
        text: z.string().nullable(),
        notes: z.array(z.object({ field: z.string(), code: z.string(), text: z.string() })),
      }),
    ),
  })
  .meta({ id: 'LeadPreview' })

const named = z.object({ id: z.string(), name: z.string().nullable() }).nullable()
export const missingLeads = z
  .object({
    version: z.string(),
    afterMinutes: z.int().meta({ description: 'after how many minutes a lead is missed; 0: never' }),
    isTold: z.boolean().meta({ description: 'whether a Facebook page tells of its leads; without one, nobody here knows which there are' }),
    hindrance: z
      .object({ code: z.enum(['no_crm', 'crm_paused', 'crm_disconnected', 'crm_behind']), text: z.string() })
      .nullable()
      .meta({ description: 'why nothing can be said now' }),
    lost: z
      .object({ count: z.int(), more: z.boolean().meta({ description: 'not all were looked at: there are at least `count`' }) })
      .nullable()
      .meta({ description: 'how many there are in all whose person is not in the CRM either; null behind the first page' }),
    leads: z.array(
      z.object({ metaLeadId: z.string(), generatedAt: z.date(), form: named, ad: named, campaign: named, knownBefore: z.boolean() }),
    ),
    next: z.string().optional(),
  })
  .meta({ id: 'MissingLeads' })

export const field = z.object({
  recordType: z.string(),
  name: z.string(),
  label: z.string(),
  type: z.enum(['text', 'number', 'choice', 'date', 'other']),
})
export const fieldSample = z.object({
  ref: recordRef,
  values: z.record(z.string(), z.string().nullable()),
  identity: z.record(z.string(), z.string()),
})

export function leadRoutes(server: ApiServer, tools: ApiTools): void {
  const { db, connections, connectors } = tools
  const tags = ['leads']

  /** Refuses a change that was made on something else than what is there now. */
  const madeOn = (version: string, workspaceId: number, connectionId: number, action: string) => async (current: unknown) => {
    if (versionOf(current) !== version) throw new Outdated(await lastChange(db, workspaceId, `connection:${connectionId}`, [action]))
  }

  server.get(
    '/rules',
    {
      schema: {
        operationId: 'getRules',
        tags,
        summary: 'Which leads count, consent, limited data use, and the like',
        response: answers(leadRules),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const rules = await readRules(caller, connection.id)
      return ok({ version: versionOf(rules), rules })
    },
  )

  server.put(
    '/rules',
    {
      schema: {
        operationId: 'saveRules',
        tags,
        summary: 'Changes the rules that are given, and leaves the others',
        body: versioned.extend({ rules: someRules }),
        response: answers(leadRules),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const { version, rules: given } = request.body
      const rules = await setRules(caller, connection.id, given, madeOn(version, caller.workspaceId, connection.id, 'connection.rules'))
      connections.forget(connection.id)
      return ok({ version: versionOf(rules), rules })
    },
  )

  server.post(
    '/rules/try',
    {
      config: { for: 'readers' },
      schema: {
        operationId: 'tryRules',
        tags,
        summary: 'How many of the latest real people would count under these rules; nothing is saved',
        body: z.object({ rules: someRules.default({}) }),
        response: answers(triedRules),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await tryRules(caller, connection.id, request.body.rules, connections))
    },
  )

  server.post(
    '/preview',
    {
      config: { for: 'readers' },
      schema: {
        operationId: 'previewLead',
        tags,
        summary: 'What Meta would get of one real lead, exactly; nothing is sent or saved',
        body: z.object({ record: recordRef.optional(), mapping: stageMapping.optional(), rules: someRules.optional() }),
        response: answers(leadPreview),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await previewLead(caller, connection.id, request.body, connections))
    },
  )

  server.get(
    '/fields',
    {
      schema: {
        operationId: 'listFields',
        tags,
        summary: 'The fields of the account that rules and settings can name',
        response: answers(z.array(field)),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await listFields(caller, connection.id, connections))
    },
  )

  server.get(
    '/fields/samples',
    {
      schema: {
        operationId: 'sampleFields',
        tags,
        summary: 'What fields hold of the latest people, masked so that nobody is known by it',
        querystring: z.object({ names: z.string().max(2_000).default('').meta({ description: 'names of fields, with commas between' }) }),
        response: answers(z.array(fieldSample)),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const names = request.query.names
        .split(',')
        .filter((name) => name !== '')
        .slice(0, MOST_FIELDS)
      return ok(await sampleFields(caller, connection.id, names, connections))
    },
  )

  server.post(
    '/lead-id-field',
    {
      schema: {
        operationId: 'createLeadIdField',
        tags,
        summary: 'Makes the CRM field that holds the Meta lead id; harmless where it is there',
        body: requested,
        response: answers(z.object({ name: z.string() })),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok({ name: await createLeadIdField(caller, connection.id, connections) })
    },
  )

  const missingOf = async (caller: Caller & { workspaceId: number }, page?: { limit: number; after?: string | undefined }) => {
    const missing = await listMissingLeads(caller, caller.workspaceId, page)
    return { ...missing, version: versionOf(missing.afterMinutes) }
  }

  server.get(
    '/leads/missing',
    {
      schema: {
        operationId: 'listMissingLeads',
        tags,
        summary: 'Leads of Meta that did not reach the CRM in time, the latest first, page by page',
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(200).default(100),
          after: z.string().max(64).optional().meta({ description: '`next` of the page before' }),
        }),
        response: answers(missingLeads),
      },
    },
    async (request) => ok(await missingOf(tenantOf(request, tools).caller, request.query)),
  )

  server.put(
    '/leads/missing',
    {
      schema: {
        operationId: 'saveMissingAfter',
        tags,
        summary: 'Sets after how many minutes a lead is missed',
        body: versioned.extend({ afterMinutes: z.int().min(0).max(10_079) }),
        response: answers(missingLeads),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const { version, afterMinutes } = request.body
      const { workspaceId } = caller
      await setMissingAfter(caller, workspaceId, afterMinutes, async (current) => {
        if (versionOf(current) !== version)
          throw new Outdated(await lastChange(db, workspaceId, `workspace:${workspaceId}`, ['workspace.missing_after']))
      })
      return ok(await missingOf(caller))
    },
  )

  const settingsOf = (crm: string, settings: unknown) => ({
    version: versionOf(settings),
    settings: settings as Record<string, unknown>,
    schema: z.toJSONSchema(connectors[crm]?.manifest.settings ?? z.object({}), { io: 'input', unrepresentable: 'any' }) as Record<
      string,
      unknown
    >,
  })

  server.get(
    '/crm-settings',
    {
      schema: {
        operationId: 'getCrmSettings',
        tags,
        summary: 'What is particular to this CRM: its fields, ways and choices',
        response: answers(crmSettings),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(settingsOf(connection.crm, await readSettings(caller, connection.id)))
    },
  )

  server.put(
    '/crm-settings',
    {
      schema: {
        operationId: 'saveCrmSettings',
        tags,
        summary: 'Changes the settings that are given, and leaves the others',
        body: versioned.extend({ settings: z.record(z.string(), z.unknown()) }),
        response: answers(crmSettings),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const { version, settings } = request.body
      const saved = await setSettings(
        caller,
        connection.id,
        settings,
        madeOn(version, caller.workspaceId, connection.id, 'connection.settings'),
      )
      connections.forget(connection.id)
      return ok(settingsOf(connection.crm, saved))
    },
  )
}
