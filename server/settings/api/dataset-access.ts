/** How a dataset is opened to us and given back, and whether it is one for CRM events. */
import { z } from 'zod'
import { answerCrmDataset } from '../crm-dataset.ts'
import { leaveDataset } from '../leave-dataset.ts'
import { problem } from '../problem.ts'
import { crmDataset, params } from './account.ts'
import { answers, ok, requested } from './answers.ts'
import { datasetOf } from './dataset-of.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { tenantOf } from './visitor.ts'

export const datasetWays = z
  .object({
    login: z.boolean().meta({ description: 'sign in with Facebook' }),
    extension: z.boolean().meta({ description: 'have Meta’s Business Extension set it up' }),
    business: z.string().nullable().meta({ description: 'id of the business that it can be shared with' }),
  })
  .meta({ id: 'DatasetWays' })

export function datasetAccessRoutes(server: ApiServer, tools: ApiTools): void {
  const { db, metaApp } = tools
  const tags = ['connection']

  server.get(
    '/datasets/ways',
    {
      schema: {
        operationId: 'getDatasetWays',
        tags,
        summary: 'How a dataset can be opened here beside a token; what leads over Meta’s pages begins with `POST /api/invitations`',
        response: answers(datasetWays),
      },
    },
    async (request) => {
      tenantOf(request, tools)
      return ok({
        login: metaApp?.loginConfig !== undefined,
        extension: metaApp?.extension === true,
        business: metaApp?.business?.id ?? null,
      })
    },
  )

  server.post(
    '/datasets/:id/crm',
    {
      schema: {
        operationId: 'answerCrmDataset',
        tags,
        summary: 'Says whether it is a dataset for CRM events; anything but yes is a notice until somebody says yes',
        params,
        body: requested.extend({ answer: crmDataset }),
        response: answers(z.object({ answer: crmDataset })),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const { answer } = request.body
      await answerCrmDataset(caller, await datasetOf(db, caller.workspaceId, request.params.id), answer, caller.workspaceId)
      return ok({ answer })
    },
  )

  server.post(
    '/datasets/:id/leave',
    {
      schema: {
        operationId: 'leaveDataset',
        tags,
        summary: 'Gives the access back: its token is forgotten, what waits for it is not sent and expires after seven days',
        params,
        body: requested.extend({ metaId: z.string().meta({ description: 'the dataset’s id once more, as a sign that it is meant' }) }),
        response: answers(
          z.object({
            left: z.enum(['left', 'no_need', 'failed']),
            text: z.string().nullable().meta({ description: 'what is left to be done at Meta by hand' }),
          }),
        ),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const metaId = await datasetOf(db, caller.workspaceId, request.params.id)
      if (request.body.metaId.trim() !== metaId) throw problem('invalid_input', 'This is not the dataset that you are giving back.')
      const { outcome, text = null } = await leaveDataset(caller, metaId, tools, caller.workspaceId)
      return ok({ left: outcome, text })
    },
  )
}
