/** What became of the records: by reason, and the story of each. */
import { z } from 'zod'
import { reasons } from '../../../mappings/reasons.ts'
import { countRecords } from '../count-records.ts'
import { listRecords } from '../list-records.ts'
import { recordStory } from '../record-story.ts'
import { countSuppressed, reevaluate, showReevaluation } from '../reevaluate.ts'
import { retryQuarantined, retryRecord } from '../retry.ts'
import { answers, ok, requested } from './answers.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { tenantOf } from './visitor.ts'

export const outcome = z.enum(['pending', 'sent', 'unconfirmed', 'waiting', 'suppressed', 'rejected', 'expired']).meta({ id: 'Outcome' })
const stage = z.object({ source: z.string(), pipelineId: z.string().optional(), stageId: z.string(), label: z.string().optional() })
export const recordRef = z.object({ type: z.string(), id: z.string() })
const reason = z
  .string()
  .max(64)
  .meta({ description: `a reason code: ${Object.keys(reasons).join(', ')}` })
const note = z.object({ field: z.string(), code: z.string(), text: z.string() })
export const counted = z
  .object({
    outcome,
    reason: z.string().nullable(),
    rawLead: z.boolean().meta({ description: 'events for new leads, which come beside the stages' }),
    count: z.int(),
  })
  .meta({ id: 'Counted' })

export const metaAnswer = z
  .object({
    fbtraceId: z.string().optional(),
    messages: z.array(z.string()).optional(),
    received: z.number().optional(),
    batch: z.number().optional(),
    status: z.number().optional(),
    code: z.number().optional(),
    subcode: z.number().optional(),
    title: z.string().optional(),
    message: z.string().optional(),
  })
  .meta({ id: 'MetaAnswer' })

const entry = {
  occurredAt: z.date(),
  receivedAt: z.date(),
  stage: stage.nullable().meta({ description: 'null: the lead itself is new' }),
  eventName: z.string().nullable(),
  datasetId: z.string(),
  eventId: z.string(),
  outcome,
  reason: z.string().nullable(),
  text: z.string().nullable().meta({ description: 'what the reason means and what to do' }),
  settledAt: z.date().nullable(),
  keys: z.array(z.string()).meta({ description: 'match keys that were used, as Meta spells them; never their values' }),
  late: z.boolean(),
}
export const listedRecord = z.object({ ...entry, record: recordRef, metaLeadId: z.string().nullable() }).meta({ id: 'ListedRecord' })
export const story = z
  .object({
    record: recordRef.extend({
      url: z.string().optional(),
      state: z.enum(['live', 'gone', 'erased']),
      createdAt: z.date().nullable(),
      firstSeenAt: z.date(),
      lookedUpAt: z.date().nullable(),
      lookAgainAt: z.date().nullable(),
      person: recordRef.optional(),
      survivor: recordRef.optional(),
    }),
    lead: z
      .object({
        metaLeadId: z.string().nullable(),
        generatedAt: z.date().nullable(),
        learnedAt: z.date(),
        isTest: z.boolean(),
        identified: z.object({ by: z.string(), text: z.string() }),
      })
      .nullable(),
    notes: z.array(note).meta({ description: 'fields that the last lookup found and that could not be used' }),
    related: z.array(recordRef).meta({ description: 'other records of the same lead, in this account' }),
    entries: z.array(
      z.object({
        ...entry,
        notes: z.array(note),
        filled: z.boolean(),
        meta: metaAnswer.optional().meta({ description: 'what Meta answered' }),
      }),
    ),
  })
  .meta({ id: 'Story' })

export const recordPage = z.object({ records: z.array(listedRecord), next: z.string().optional() })
export const reasonCount = counted.omit({ rawLead: true }).extend({ text: z.string().nullable() })
export const reevaluation = z.object({
  candidates: z.array(counted),
  last: z
    .object({
      id: z.int(),
      reason: z.string().nullable(),
      entries: z.int(),
      requestedBy: z.string(),
      requestedAt: z.date(),
      counts: z.array(counted),
    })
    .nullable(),
})

export function activityRoutes(server: ApiServer, tools: ApiTools): void {
  const tags = ['activity']

  server.get(
    '/records',
    {
      schema: {
        operationId: 'listRecords',
        tags,
        summary: 'Stage changes with their outcomes, the latest first, page by page',
        querystring: z.object({
          outcome: outcome.optional(),
          reason: reason.optional(),
          since: z.coerce.date().optional(),
          limit: z.coerce.number().int().min(1).max(200).default(50),
          after: z.string().max(64).optional().meta({ description: '`next` of the page before' }),
        }),
        response: answers(recordPage),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await listRecords(caller, { ...request.query, connectionId: connection.id }))
    },
  )

  server.get(
    '/records/counts',
    {
      schema: {
        operationId: 'countRecords',
        tags,
        summary: 'How many changes had which outcome, and for which reason',
        querystring: z.object({ days: z.coerce.number().int().min(1).max(90).default(28) }),
        response: answers(z.array(reasonCount)),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await countRecords(caller, { connectionId: connection.id, days: request.query.days }))
    },
  )

  server.get(
    '/record',
    {
      schema: {
        operationId: 'getRecord',
        tags,
        summary: 'The story of one record: what arrived, whose lead it is, what was sent, what Meta said',
        querystring: z.object({ type: z.string().min(1).max(100), id: z.string().min(1).max(200) }),
        response: answers(story),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const told = await recordStory(caller, { ref: request.query, connectionId: connection.id })
      return ok({ ...told, related: told.related.filter((one) => one.connectionId === connection.id) })
    },
  )

  server.post(
    '/record/retry',
    {
      schema: {
        operationId: 'retryRecord',
        tags,
        summary: 'Has what was not sent of a record judged anew; what was sent never is',
        body: requested.extend({ record: recordRef, eventId: z.string().max(40).optional() }),
        response: answers(z.object({ retried: z.int() })),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const { record: ref, eventId } = request.body
      return ok(await retryRecord(caller, { ref, connectionId: connection.id, ...(eventId !== undefined && { eventId }) }))
    },
  )

  server.post(
    '/quarantine/retry',
    {
      schema: {
        operationId: 'retryQuarantine',
        tags,
        summary: 'Takes changes that were set aside back into the inbox',
        body: requested,
        response: answers(z.object({ packets: z.int() })),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await retryQuarantined(caller, connection.id))
    },
  )

  server.get(
    '/reevaluation',
    {
      schema: {
        operationId: 'getReevaluation',
        tags,
        summary: 'What was held back in the last seven days and can be judged again, and what came of the last time',
        response: answers(reevaluation),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const candidates = await countSuppressed(caller, { connectionId: connection.id })
      const last = await showReevaluation(caller, connection.id).catch(noneYet)
      return ok({ candidates, last })
    },
  )

  server.post(
    '/reevaluation',
    {
      schema: {
        operationId: 'reevaluate',
        tags,
        summary: 'Has what was held back judged again, all of it or what had one reason',
        body: requested.extend({ reason: reason.optional() }),
        response: answers(z.object({ id: z.int(), entries: z.int() })),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const { reason } = request.body
      return ok(await reevaluate(caller, { connectionId: connection.id, ...(reason !== undefined && { reason }) }))
    },
  )
}

function noneYet(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'reevaluation_unknown') return null
  throw error
}
