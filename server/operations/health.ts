/** `/healthz`: the process answers. `/readyz`: it can do its work, so traffic may come. */
import type { FastifyPluginAsync } from 'fastify'
import { answers } from '../database/answers.ts'
import type { Database } from '../database/pool.ts'

export interface HealthOptions {
  db: Database
  /** True once the process has begun to stop. */
  stopping: () => boolean
}

export const health: FastifyPluginAsync<HealthOptions> = async (app, { db, stopping }) => {
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    if (stopping()) return reply.code(503).send({ status: 'stopping' })
    if (await answers(db)) return { status: 'ready' }
    return reply
      .code(503)
      .send({ status: 'no_database', message: 'PostgreSQL does not answer. Changes are refused until it does; their senders try again.' })
  })
}
