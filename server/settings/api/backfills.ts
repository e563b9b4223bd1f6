/** Reading the past in: tried out first, carried out when confirmed. */
import { z } from 'zod'
import {
  type BackfillView,
  cancelBackfill,
  confirmBackfill,
  listBackfills,
  MOST_DAYS,
  pauseBackfill,
  planBackfill,
  resumeBackfill,
  showBackfill,
} from '../backfills.ts'
import type { Caller } from '../caller.ts'
import { problem } from '../problem.ts'
import { counted } from './activity.ts'
import { answers, ok, requested } from './answers.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { tenantOf } from './visitor.ts'

export const backfill = z
  .object({
    id: z.int(),
    state: z.enum(['planned', 'dry_running', 'ready', 'running', 'paused', 'done', 'cancelled', 'failed']),
    from: z.date(),
    to: z.date(),
    forecast: z
      .object({ records: z.int(), stages: z.int(), refused: z.int(), counts: z.array(counted) })
      .nullable()
      .meta({ description: 'what the dry run found; `pending` would be sent' }),
    records: z.int(),
    counts: z.array(counted),
    remainingMs: z.number().nullable(),
    hindrance: z.enum(['connection', 'inbox', 'outbox']).nullable(),
    errorText: z.string().nullable(),
    requestedBy: z.string(),
    requestedAt: z.date(),
    confirmedAt: z.date().nullable(),
    finishedAt: z.date().nullable(),
  })
  .meta({ id: 'Backfill' })

const params = z.object({ id: z.coerce.number().int().min(1).max(2_147_483_647) })
const steps: Record<string, { summary: string; step: (caller: Caller, id: number) => Promise<BackfillView> }> = {
  confirm: { summary: 'Has what the dry run found read in and sent', step: confirmBackfill },
  pause: { summary: 'Reads no further; what was read goes its way', step: pauseBackfill },
  resume: { summary: 'Goes on after a pause or a failure', step: resumeBackfill },
  cancel: { summary: 'Ends it; what was read stays', step: cancelBackfill },
}

export function backfillRoutes(server: ApiServer, tools: ApiTools): void {
  const tags = ['backfill']

  server.get(
    '/backfills',
    { schema: { operationId: 'listBackfills', tags, summary: 'The latest first', response: answers(z.array(backfill)) } },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await listBackfills(caller, { connectionId: connection.id }))
    },
  )

  server.post(
    '/backfills',
    {
      schema: {
        operationId: 'planBackfill',
        tags,
        summary: 'Plans a backfill and begins its dry run; nothing is sent before it is confirmed',
        body: requested.extend({ days: z.int().min(1).max(MOST_DAYS) }),
        response: answers(backfill),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await planBackfill(caller, { connectionId: connection.id, days: request.body.days }, tools.connectors))
    },
  )

  server.get(
    '/backfills/:id',
    { schema: { operationId: 'getBackfill', tags, summary: 'How one stands', params, response: answers(backfill) } },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(ofConnection(await showBackfill(caller, request.params.id), connection.id))
    },
  )

  for (const [name, { summary, step }] of Object.entries(steps)) {
    server.post(
      `/backfills/:id/${name}`,
      { schema: { operationId: `${name}Backfill`, tags, summary, params, body: requested, response: answers(backfill) } },
      async (request) => {
        const { caller, connection } = tenantOf(request, tools)
        const { id } = request.params
        ofConnection(await showBackfill(caller, id), connection.id)
        return ok(await step(caller, id))
      },
    )
  }
}

/** A workspace may have several accounts; the admin of one sees that one. */
function ofConnection(view: BackfillView, connectionId: number): BackfillView {
  if (view.connectionId !== connectionId) throw problem('backfill_unknown', `There is no backfill ${view.id}.`)
  return view
}
