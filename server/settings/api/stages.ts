/** The stages of the CRM, and which of them are reported under which name. */
import { z } from 'zod'
import { stageMapping } from '../../../mappings/stage-mapping.ts'
import { liveStages, mappingHistory, proposeMapping, setMapping, showMapping } from '../mappings.ts'
import { problem } from '../problem.ts'
import { answers, ok, versioned } from './answers.ts'
import { lastChange, Outdated, orTold } from './outdated.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { tenantOf } from './visitor.ts'

const stageRef = z.object({ source: z.string(), pipelineId: z.string().optional(), stageId: z.string() })
const stageOption = z.object({
  id: z.string(),
  label: z.string(),
  order: z.number(),
  kind: z.enum(['open', 'won', 'lost', 'other']),
  archived: z.boolean(),
  initial: z.boolean().optional(),
})
const stageGroup = z.object({
  recordType: z.string(),
  source: z.string(),
  pipelineId: z.string().optional(),
  label: z.string(),
  stages: z.array(stageOption),
})
const mappedStage = stageRef.extend({
  label: z.string(),
  eventName: z.string().nullable(),
  negative: z.boolean(),
  sendAmount: z.boolean(),
})
const rawLead = z.object({ enabled: z.boolean(), eventName: z.string() })
export const mapping = z.object({ rawLead, stages: z.array(mappedStage) }).meta({ id: 'Mapping' })
export const mappingVersion = z
  .object({ version: z.string(), createdAt: z.date(), createdBy: z.string(), mapping })
  .meta({ id: 'MappingVersion' })
const changedName = z.object({ from: z.string(), to: z.string().nullable(), where: z.string() })

export const stages = z
  .object({
    version: z.string().meta({ description: 'of the mapping; "0" while none is saved' }),
    rawLead,
    stages: z
      .array(mappedStage.extend({ state: z.enum(['live', 'archived', 'vanished', 'unknown']) }))
      .meta({ description: 'the mapping in funnel order, each line beside the live stage of the CRM' }),
    unmapped: z
      .array(stageRef.extend({ label: z.string(), group: z.string() }))
      .meta({ description: 'stages in use that are not in the mapping' }),
    groups: z.array(stageGroup).meta({ description: 'what the CRM has; empty where it cannot be asked' }),
    problem: z.string().nullable().meta({ description: 'why the CRM could not be asked' }),
  })
  .meta({ id: 'Stages' })

export function stageRoutes(server: ApiServer, tools: ApiTools): void {
  const { db, connections } = tools

  server.get(
    '/stages',
    {
      schema: {
        operationId: 'getStages',
        tags: ['stages'],
        summary: 'The mapping beside the stages of the CRM as they are now',
        response: answers(stages),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const { version, liveProblem = null, ...view } = await showMapping(caller, connection.id, connections)
      const groups = liveProblem === null ? await liveStages(db, connection.id, connections) : []
      return ok({
        version: String(version),
        rawLead: view.rawLead,
        stages: view.stages,
        unmapped: view.unmapped,
        groups,
        problem: liveProblem,
      })
    },
  )

  server.get(
    '/mapping/proposal',
    {
      schema: {
        operationId: 'getProposal',
        tags: ['stages'],
        summary: 'The mapping that is proposed for the stages of the CRM; nothing is saved',
        response: answers(mapping),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await proposeMapping(caller, connection.id, connections))
    },
  )

  server.put(
    '/mapping',
    {
      schema: {
        operationId: 'saveMapping',
        tags: ['stages'],
        summary: 'Saves the whole mapping',
        body: versioned.extend({
          mapping: stageMapping,
          confirmed: z
            .boolean()
            .default(false)
            .meta({ description: 'changes names that Meta has learned, after the warning `mapping_renames_sent`' }),
        }),
        response: answers(z.object({ version: z.string(), renamed: z.array(changedName) })),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const { version, mapping: body, confirmed } = request.body
      if (!/^\d{1,9}$/.test(version)) throw problem('invalid_input', 'The version is not one that the mapping had.')
      const saved = await orTold(
        setMapping(caller, { connectionId: connection.id, version: Number(version), body, confirmed }),
        'mapping_outdated',
        async () => new Outdated(await lastChange(db, caller.workspaceId, `connection:${connection.id}`, ['mapping.set'])),
      )
      return ok({ version: String(saved.version), renamed: saved.renamed })
    },
  )

  server.get(
    '/mapping/versions',
    {
      schema: {
        operationId: 'getMappingVersions',
        tags: ['stages'],
        summary: 'All versions of the mapping, the newest first',
        response: answers(z.array(mappingVersion)),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const versions = await mappingHistory(caller, connection.id)
      return ok(versions.map((one) => ({ ...one, version: String(one.version) })))
    },
  )
}
