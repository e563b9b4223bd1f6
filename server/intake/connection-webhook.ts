/**
 * `POST /webhooks/<crm>/<key>`: the receiver of CRMs whose connections have an address each. An unknown address is a plain
 * 404. The connector's answer goes out once the changes are durable; 503 when they could not be stored.
 */
import type { FastifyInstance } from 'fastify'
import type { ConnectionPush, Connector } from '../../connectors/connector.ts'
import { createFloodGate } from './flood-gate.ts'
import { packChanges } from './packet.ts'
import { rawRequest } from './raw-request.ts'
import type { IntakeOptions } from './routes.ts'
import { accountOfKey } from './webhook-access.ts'

/** A body of a hundred full records is about half as large. */
const BODY_LIMIT = 262_144
/** Requests of one connection: a hundred a second for ten seconds, each with up to a hundred records. */
const FLOOD = { count: 1_000, perMs: 10_000 }

export function addConnectionWebhook(app: FastifyInstance, options: IntakeOptions, connector: Connector, push: ConnectionPush): void {
  const crm = connector.manifest.id
  const gate = createFloodGate(FLOOD.count, FLOOD.perMs)
  const bodyLimit = Math.min(BODY_LIMIT, options.bodyLimit)
  app.all<{ Params: { key: string } }>(`/webhooks/${crm}/:key`, { bodyLimit }, async (request, reply) => {
    const { key } = request.params
    const account = accountOfKey(key)
    const found = /^[\w-]{43}$/.test(key) ? (await options.directory(crm, [account])).get(account) : undefined
    if (found === undefined) return reply.callNotFound()
    const { connectionId, resolves } = found
    const waitSeconds = gate.enter(account, options.now())
    if (waitSeconds > 0) {
      request.log.warn({ crm, connection: connectionId }, 'too many webhooks')
      return reply.code(429).header('retry-after', String(waitSeconds)).send({ error: 'too_many_requests', message: 'Slow down, please.' })
    }
    const { secrets, settings, sample } = await options.access(connector, connectionId)
    const raw = rawRequest(request, options.publicUrl)
    const verdict = push.verify(raw, secrets, settings)
    if (!verdict.ok) {
      request.log.warn({ crm, connection: connectionId, code: verdict.code }, 'webhook refused')
      if (verdict.status === 405) reply.header('allow', 'POST')
      return reply.code(verdict.status).send({ error: verdict.code, message: verdict.text })
    }
    await sample?.(raw)
    const { changes, reply: answer } = push.parse(raw, settings)
    if (changes.length > 0) {
      await options.store([packChanges(options.sealer, connectionId, changes, raw.receivedAt)])
      if (resolves) options.wake(connectionId)
    }
    if (answer.status >= 400) request.log.warn({ crm, connection: connectionId, status: answer.status }, 'a webhook could not be used')
    return reply.code(answer.status).send(answer.body)
  })
}
