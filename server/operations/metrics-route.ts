/** `GET /metrics`, for who has the token; and the counting of webhook requests. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.ts'

/**
 * To be called before the routes that are to be counted are added.
 * @param crms whose webhooks are counted; others have none
 */
export function addMetrics(server: FastifyInstance, metrics: Metrics, token: string, crms: readonly string[]): void {
  const known = new Set(crms)
  server.get('/metrics', async (request, reply) => {
    if (!isBearer(request.headers.authorization, token)) {
      reply.header('www-authenticate', 'Bearer')
      return reply.code(401).send({ error: 'unauthorized', message: 'Metrics are for who has METRICS_TOKEN.' })
    }
    return reply
      .header('content-type', metrics.contentType)
      .header('cache-control', 'no-store')
      .send(await metrics.text())
  })
  server.addHook('onResponse', (request, reply, done) => {
    // The CRM only: what follows may be a secret.
    const crm = /^\/webhooks\/([^/?]+)/.exec(request.url)?.[1]
    if (crm !== undefined && known.has(crm)) metrics.meter.webhook(crm, reply.statusCode, reply.elapsedTime / 1000)
    done()
  })
}

/** In constant time, whatever is given. */
function isBearer(given: string | undefined, token: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(given ?? ''), hash(`Bearer ${token}`))
}
