/** How it goes: leads, events and coverage, which stage suits, and how far each dataset has come. */
import { z } from 'zod'
import { dimensions, readFigures } from '../../figures/read-figures.ts'
import { readStages } from '../../figures/read-stages.ts'
import { readWay } from '../../figures/read-way.ts'
import { tickStep } from '../../figures/tick-step.ts'
import { tickedSteps, waySteps } from '../../figures/way.ts'
import { answers, ok, requested } from './answers.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { tenantOf } from './visitor.ts'

const count = z.int()
const day = z.string().meta({ description: 'YYYY-MM-DD' })
const counts = {
  leads: count.meta({ description: 'generated in these days' }),
  covered: count.meta({ description: 'those of them of whom an event was sent' }),
  captured: count.meta({ description: 'those of whom Meta itself told' }),
  capturedCovered: count,
  sent: count,
  unconfirmed: count,
  rejected: count,
  expired: count,
  suppressed: count,
}
export const figures = z.object({
  by: z.enum(dimensions),
  from: day,
  to: day,
  timeZone: z.string(),
  asOf: z.date().nullable().meta({ description: 'null: nothing was counted yet' }),
  total: z.object(counts),
  coverage: z.object({
    basis: z.enum(['captured', 'seen', 'none']),
    leads: count,
    covered: count,
    share: z.number().nullable(),
    text: z.string(),
  }),
  lines: z.array(z.object({ value: z.string(), name: z.string(), ...counts })),
})
const condition = z.object({
  name: z.enum(['conversion', 'time', 'coverage', 'volume', 'stages']),
  state: z.enum(['met', 'not_met', 'too_little_data']),
  sample: z.number(),
  text: z.string(),
})
export const stageReport = z.object({
  from: day,
  to: day,
  matureLeads: count,
  asOf: z.date().nullable(),
  stages: z.array(
    z.object({
      eventName: z.string(),
      reached: count,
      reachedIn28Days: count,
      share: z.number().nullable(),
      medianHours: z.number().nullable(),
      covered: count,
      perMonth: z.number().nullable(),
      conditions: z.array(condition).meta({ description: 'conversion and time' }),
      fits: z.boolean().meta({ description: 'both are met' }),
    }),
  ),
  common: z.array(condition).meta({ description: 'the same for all stages: coverage, volume, stages' }),
  recommended: z.string().nullable(),
  closest: z.string().nullable(),
  text: z.string(),
})
export const way = z.object({
  datasetId: z.int(),
  metaId: z.string(),
  day: z.int().nullable().meta({ description: 'of about 60; null: Meta has accepted nothing yet' }),
  steps: z.array(
    z.object({
      step: z.enum(waySteps),
      title: z.string(),
      state: z.enum(['done', 'next', 'waiting', 'later']),
      since: z.string().nullable(),
      known: z.string(),
      onlyMetaShows: z.string().nullable(),
      next: z.string().nullable(),
      tick: z
        .object({ by: z.string(), at: z.date() })
        .nullable()
        .optional()
        .meta({ description: 'there where somebody has to say that it is done' }),
    }),
  ),
})

export function figureRoutes(server: ApiServer, tools: ApiTools): void {
  const tags = ['figures']

  server.get(
    '/figures',
    {
      schema: {
        operationId: 'getFigures',
        tags,
        summary: 'Leads, events and coverage of the last days, told apart by one thing',
        querystring: z.object({ days: z.coerce.number().int().min(1).max(731).default(28), by: z.enum(dimensions).default('day') }),
        response: answers(figures),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      return ok(await readFigures(caller, { workspace: caller.workspaceId, ...request.query }))
    },
  )

  server.get(
    '/figures/stages',
    {
      schema: {
        operationId: 'getStageReport',
        tags,
        summary: 'Which stage suits as the one that Meta looks for',
        response: answers(stageReport),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      return ok(await readStages(caller, caller.workspaceId))
    },
  )

  server.get(
    '/figures/way',
    {
      schema: {
        operationId: 'getWay',
        tags,
        summary: 'From the first event to a campaign that has learned, for each dataset',
        response: answers(z.array(way)),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      return ok(await readWay(caller, caller.workspaceId))
    },
  )

  server.post(
    '/figures/way/:id/tick',
    {
      schema: {
        operationId: 'tickStep',
        tags,
        summary: 'Says that a step which only Meta shows is done, or is not after all',
        params: z.object({ id: z.coerce.number().int().min(1).max(2_147_483_647) }),
        body: requested.extend({ step: z.enum(tickedSteps), done: z.boolean() }),
        response: answers(z.object({ changed: z.boolean() })),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const { step, done } = request.body
      const dataset = String(request.params.id)
      return ok(await tickStep(caller, { dataset, workspaceId: caller.workspaceId, step, done }))
    },
  )
}
