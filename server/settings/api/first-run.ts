/** The guided first run: each step with its state, and the answers that no setting holds. */
import { z } from 'zod'
import { answerFirstRun, type FirstRunStepName, firstRunSteps, showFirstRun } from '../first-run.ts'
import { listSentOnes, sendOne } from '../send-one.ts'
import { finding } from './account.ts'
import { metaAnswer, outcome, recordRef } from './activity.ts'
import { answers, ok, requested } from './answers.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { tenantOf } from './visitor.ts'

const step = z.enum(Object.keys(firstRunSteps) as [FirstRunStepName, ...FirstRunStepName[]])
export const firstRun = z
  .object({
    finished: z.boolean(),
    shadow: z.boolean().meta({ description: 'nothing is sent, and an admin wants it so for now (answer `shadow` to `start`)' }),
    steps: z.array(
      z.object({
        step,
        title: z.string(),
        state: z.enum(['done', 'next', 'later']),
        text: z.string(),
        answer: z.object({ answer: z.string(), by: z.string(), at: z.date() }).nullable(),
        answers: z
          .array(z.string())
          .readonly()
          .meta({ description: 'answers that may be given; none where something has to be done instead' }),
      }),
    ),
    findings: z.array(finding).nullable().meta({ description: 'what is missing in the account; null where the CRM could not be asked' }),
    firstEvent: z
      .object({
        record: z.object({ type: z.string(), id: z.string() }),
        eventName: z.string().nullable(),
        sentAt: z.date().nullable(),
        meta: metaAnswer.nullable(),
      })
      .nullable()
      .meta({ description: 'the first event that Meta accepted, and what it answered' }),
  })
  .meta({ id: 'FirstRun' })

export const sentOne = z
  .object({
    record: recordRef,
    datasetId: z.string().meta({ description: 'Meta’s id' }),
    eventId: z.string(),
    eventName: z.string().nullable(),
    occurredAt: z.date(),
    outcome,
    reason: z.string().nullable(),
    text: z.string().nullable().meta({ description: 'what the reason means and what to do' }),
    settledAt: z.date().nullable(),
    meta: metaAnswer.nullable(),
  })
  .meta({ id: 'SentOne' })

export function firstRunRoutes(server: ApiServer, tools: ApiTools): void {
  const { connections } = tools
  const tags = ['first run']

  server.get(
    '/first-run',
    {
      schema: {
        operationId: 'getFirstRun',
        tags,
        summary: 'How far the account has come; asks the CRM what is missing',
        response: answers(firstRun),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await showFirstRun(caller, connection.id, connections))
    },
  )

  server.post(
    '/first-run/answer',
    {
      schema: {
        operationId: 'answerFirstRun',
        tags,
        summary: 'Keeps an answer, over one that was given before',
        body: requested.extend({ step, answer: z.string().max(40) }),
        response: answers(firstRun),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      await answerFirstRun(caller, connection.id, request.body.step, request.body.answer)
      return ok(await showFirstRun(caller, connection.id, connections))
    },
  )

  server.get(
    '/first-run/sent',
    {
      schema: {
        operationId: 'listSentOnes',
        tags,
        summary: 'The one event that each route sent while it only tried out, with what Meta answered',
        response: answers(z.array(sentOne)),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await listSentOnes(caller, connection.id))
    },
  )

  server.post(
    '/first-run/send',
    {
      schema: {
        operationId: 'sendOne',
        tags,
        summary: 'Sends one event of a record that a route in shadow mode kept back: a real one, which counts, and is never sent again',
        body: requested.extend({
          record: recordRef,
          eventId: z.string().max(40).optional().meta({ description: 'one of the record’s `route_shadow`; absent: the latest' }),
        }),
        response: answers(sentOne),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const { record, eventId } = request.body
      return ok(await sendOne(caller, connection.id, { record, ...(eventId !== undefined && { eventId }) }))
    },
  )
}
