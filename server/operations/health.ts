/** `/healthz`: the process answers. `/readyz`: it can do its work, so traffic may come. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyPluginAsync } from 'fastify'
import { sql } from 'kysely'
import type { Database } from '../database/pool.ts'

export interface HealthOptions {
  db: Database
  /** True once the process has begun to stop. */
  stopping: () => boolean
}

/** Who probes waits no longer than a few seconds, and a silent database could keep a statement for much longer. */
const PATIENCE_MS = 3_000

export const health: FastifyPluginAsync<HealthOptions> = async (app, { db, stopping }) => {
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    if (stopping()) return reply.code(503).send({ status: 'stopping' })
    const answer = sql`select 1`.execute(db).then(
      () => true,
      () => false,
    )
    if (await Promise.race([answer, sleep(PATIENCE_MS, false, { ref: false })])) return { status: 'ready' }
    return reply
      .code(503)
      .send({ status: 'no_database', message: 'PostgreSQL does not answer. Changes are refused until it does; their senders try again.' })
  })
}
