/**
 * `POST /webhooks/<crm>`: every rung of the ladder has its own answer. A body that passed the connector's `verify` gets 202
 * once its changes are durable, 503 when they could not be stored, and 202 for everything else (unknown accounts, unknown
 * types, unreadable text): the CRM would only repeat what we can never use.
 */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { AppCredentials, AppPush, Connector, KeepableBody, RawRequest } from '../../connectors/connector.ts'
import type { Sealer } from '../connections/vault.ts'
import { addConnectionWebhook } from './connection-webhook.ts'
import type { Directory } from './directory.ts'
import { type Packet, packChanges, packJson } from './packet.ts'
import { rawRequest } from './raw-request.ts'
import type { WebhookAccess } from './webhook-access.ts'

export interface IntakeOptions {
  connectors: Readonly<Record<string, Connector>>
  credentials: Readonly<Record<string, AppCredentials>>
  publicUrl: string
  bodyLimit: number
  sealer: Sealer
  directory: Directory
  store: (packets: Packet[]) => Promise<void>
  /** Secrets and settings of a connection with an address of its own. */
  access: (connector: Connector, connectionId: number) => Promise<WebhookAccess>
  /** Tells the scheduler that a connection has work. May be lost. */
  wake: (connectionId: number) => void
  /** The clock by which floods are judged, milliseconds since the epoch. */
  now: () => number
}

export const intake: FastifyPluginAsync<IntakeOptions> = async (app, options) => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: options.bodyLimit }, (_request, body, done) => done(null, body))
  // No CRM compresses its webhooks; what is never unpacked cannot grow.
  app.addHook('onRequest', async (request, reply) => {
    if ((request.headers['content-encoding'] ?? 'identity') !== 'identity')
      return reply.code(415).send({ error: 'compressed', message: 'Webhooks are taken uncompressed.' })
  })
  for (const connector of Object.values(options.connectors)) {
    const credentials = options.credentials[connector.manifest.id]
    const { manifest, push } = connector
    if (push?.routing === 'app' && credentials !== undefined) addAppWebhook(app, options, manifest.id, push, credentials)
    if (push?.routing === 'connection') addConnectionWebhook(app, options, connector, push)
  }
}

function addAppWebhook(app: FastifyInstance, options: IntakeOptions, crm: string, push: AppPush, credentials: AppCredentials): void {
  app.all(`/webhooks/${crm}`, { bodyLimit: options.bodyLimit }, async (request, reply) => {
    const raw = rawRequest(request, options.publicUrl)
    if (push.handshake !== undefined && raw.method === 'GET') {
      const answer = push.handshake(raw, credentials)
      if (answer !== undefined) return reply.type('text/plain').send(answer)
      request.log.warn({ crm }, 'handshake refused')
      return reply.code(403).send({ error: 'handshake_refused', message: 'This is no handshake with the word that was agreed on.' })
    }
    const verdict = push.verify(raw, credentials)
    if (!verdict.ok) {
      request.log.warn({ crm, code: verdict.code }, 'webhook refused')
      if (verdict.status === 405) reply.header('allow', 'POST')
      return reply.code(verdict.status).send({ error: verdict.code, message: verdict.text })
    }
    const keepable = push.keepable?.(raw.body, credentials)
    const { packets, awake, answer } = await (keepable === undefined
      ? packAll(options, crm, push.parse(raw, credentials), raw.receivedAt)
      : packWhole(options, crm, keepable, raw))
    const { unreadable, unconnected } = answer
    if (unreadable + unconnected > 0) request.log.warn({ crm, unreadable, unconnected }, 'part of a webhook could not be used')
    if (packets.length > 0) await options.store(packets)
    for (const connectionId of awake) options.wake(connectionId)
    return reply.code(202).send(answer)
  })
}

/** The body as it came. What of it means nothing is found when it is handled. */
async function packWhole({ directory, sealer }: IntakeOptions, crm: string, { account, changes }: KeepableBody, raw: RawRequest) {
  const connection = (await directory(crm, [account])).get(account)
  const answer = { accepted: 0, ignored: 0, unreadable: 0, unconnected: 0 }
  if (connection === undefined) return { packets: [], awake: [], answer: { ...answer, unconnected: changes } }
  return {
    packets: [packJson(sealer, connection.connectionId, raw.body, changes, raw.receivedAt)],
    awake: connection.resolves ? [connection.connectionId] : [],
    answer: { ...answer, accepted: changes },
  }
}

/** A packet for each connection. What was parsed ends here: held while packets are stored, it is copied again and again. */
async function packAll(
  { directory, sealer }: IntakeOptions,
  crm: string,
  { changes, unreadable, ignored }: ReturnType<AppPush['parse']>,
  receivedAt: number,
) {
  const byAccount = Map.groupBy(changes, ({ account }) => account)
  const connections = await directory(crm, byAccount.keys())
  const packets: Packet[] = []
  const awake: number[] = []
  let accepted = 0
  for (const [account, group] of byAccount) {
    const connection = connections.get(account)
    if (connection === undefined) continue
    const bodies = group.map(({ body }) => body)
    packets.push(packChanges(sealer, connection.connectionId, bodies, receivedAt))
    if (connection.resolves) awake.push(connection.connectionId)
    accepted += group.length
  }
  return { packets, awake, answer: { accepted, ignored, unreadable, unconnected: changes.length - accepted } }
}
