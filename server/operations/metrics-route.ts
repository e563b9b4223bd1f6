/** `GET /metrics`, for who has the token; and the counting of webhook requests. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.ts'

/** Before the routes that are to be counted. Without a token there is nothing at the address. */
export function addMetrics(server: FastifyInstance, metrics: Metrics, token: string): void {
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
    // The pattern of the route, never the address: that may be a secret.
    const crm = /^\/webhooks\/([^/]+)/.exec(request.routeOptions.url ?? '')?.[1]
    if (crm !== undefined) metrics.meter.webhook(crm, reply.statusCode, reply.elapsedTime / 1000)
    done()
  })
}

/** In constant time, whatever is given. */
function isBearer(given: string | undefined, token: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(given ?? ''), hash(`Bearer ${token}`))
}
