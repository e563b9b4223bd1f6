/** The first view: how it stands, and what needs somebody. */
import { z } from 'zod'
import { overview as readOverview } from '../overview.ts'
import { answers, ok } from './answers.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { notice } from './trail.ts'
import { tenantOf } from './visitor.ts'
import { noticeAction, noticeWords } from './words.ts'

const count = z.int()
export const overview = z
  .object({
    status: z.object({ mood: z.enum(['good', 'attention', 'idle']), text: z.string() }),
    state: z.enum(['setup', 'active', 'attention', 'paused', 'removed']),
    attention: z
      .array(notice.omit({ action: true, closedAt: true }).extend({ title: z.string(), action: noticeAction.nullable() }))
      .meta({ description: 'open notices, with what the page can do about each' }),
    unsent: z.object({ count, oldestAt: z.date().nullable() }).meta({ description: 'events that still have to go' }),
    inbox: z
      .object({ count, oldestAt: z.date().nullable(), quarantined: count })
      .meta({ description: 'changes that still have to be handled' }),
    outcomes: z
      .object({ pending: count, sent: count, unconfirmed: count, waiting: count, suppressed: count, rejected: count, expired: count })
      .meta({ description: 'of the last 28 days' }),
    lastSentAt: z.date().nullable(),
    lastChangeAt: z.date().nullable(),
  })
  .meta({ id: 'Overview' })

export function overviewRoutes(server: ApiServer, tools: ApiTools): void {
  server.get(
    '/overview',
    {
      schema: {
        operationId: 'getOverview',
        tags: ['overview'],
        summary: 'How the account stands and what needs attention',
        response: answers(overview),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const { attention, ...view } = await readOverview(caller, connection.id)
      return ok({ ...view, attention: attention.map((one) => ({ ...one, ...noticeWords(one) })) })
    },
  )
}
