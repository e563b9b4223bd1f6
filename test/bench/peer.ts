/**
 * What intake is measured beside, as a process of its own: the same HTTP server, the same verification and parsing, and then
 * one Bull job per body (`bull PORT`), or nothing (`nothing`): the most that any way of storing can reach.
 */
import type { AddressInfo } from 'node:net'
import Bull from 'bull'
import { hubspot } from '../../connectors/hubspot/index.ts'
import { createHttpServer } from '../../server/http.ts'
import { createLog } from '../../server/log.ts'
import { app } from './bodies.ts'

const [, , kind, redisPort, publicUrl = 'http://127.0.0.1'] = process.argv
const { push } = hubspot
if (push?.routing !== 'app') throw new Error('HubSpot sends to one address per app')
const credentials = { appId: String(app.appId), clientId: app.clientId, clientSecrets: [app.clientSecret], baseUrl: '' }
const queue = kind === 'bull' ? new Bull('changes', { redis: { port: Number(redisPort), host: '127.0.0.1' } }) : undefined
await queue?.isReady()

const server = createHttpServer({ bodyLimit: 1_048_576, log: createLog({ level: 'silent' }) })
server.removeAllContentTypeParsers()
server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
server.post('/webhooks/hubspot', async (request, reply) => {
  const raw = {
    method: request.method,
    target: request.raw.url ?? '/',
    publicUrl,
    headers: request.headers as Record<string, string | undefined>,
    body: request.body as Buffer,
    receivedAt: Date.now(),
  }
  const verdict = push.verify(raw, credentials)
  if (!verdict.ok) return reply.code(verdict.status).send({ error: verdict.code })
  const { changes } = push.parse(raw, credentials)
  await queue?.add({ receivedAt: raw.receivedAt, changes }, { attempts: 5 })
  return reply.code(202).send({ accepted: changes.length })
})
await server.listen({ port: 0, host: '127.0.0.1' })
process.stdout.write(`${JSON.stringify({ port: (server.server.address() as AddressInfo).port })}\n`)
process.once('SIGTERM', () => process.exit(0))
process.once('disconnect', () => process.exit(0))
