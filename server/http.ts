/** The HTTP server: limits and time-outs for everyone, one error handler, no personal data in any answer or log. */
import { type FastifyBaseLogger, type FastifyError, type FastifyInstance, fastify, LogController } from 'fastify'
import { CodedError } from '../connectors/errors.ts'
import type { Log } from './log.ts'

export interface HttpServerOptions {
  bodyLimit: number
  /** Whose `X-Forwarded-For` is believed (see `Config.trustProxy`). */
  trustProxy?: number | string[] | false
  log: Log
}

/** A whole request must have arrived by then, milliseconds; CRMs give up after five seconds themselves. */
const REQUEST_MS = 10_000
/** Longer than the idle time-out of common load balancers (60 s), so that it is they who close a connection. */
const KEEP_ALIVE_MS = 65_000

export function createHttpServer({ bodyLimit, trustProxy = false, log }: HttpServerOptions): FastifyInstance {
  const server = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    trustProxy: typeof trustProxy === 'number' ? (_address, hop) => hop < trustProxy : trustProxy,
    requestTimeout: REQUEST_MS,
    connectionTimeout: 2 * REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { headersTimeout: REQUEST_MS, connectionsCheckingInterval: 2_000 },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    routerOptions: { maxParamLength: 200 },
  })
  server.setErrorHandler((error: FastifyError | CodedError, request, reply) => {
    if (error instanceof CodedError) {
      request.log.warn({ error }, 'request failed')
      if (error.retry !== 'never') reply.header('retry-after', '5')
      return reply.code(error.retry === 'never' ? 400 : 503).send({ error: error.code, message: error.userText })
    }
    const status = error.statusCode ?? 500
    if (status < 500) return reply.code(status).send({ error: error.code, message: error.message })
    request.log.error({ error }, 'request failed')
    return reply
      .code(500)
      .send({ error: 'internal', message: 'Something went wrong on our side. Nothing of this request was kept; send it again.' })
  })
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not_found', message: 'There is nothing at this address.' }))
  return server
}
