import type { FastifyRequest } from 'fastify'
import type { RawRequest } from '../../connectors/connector.ts'

/** The request as connectors take it. */
export function rawRequest(request: FastifyRequest, publicUrl: string): RawRequest {
  return {
    method: request.method,
    target: request.raw.url ?? '/',
    publicUrl,
    headers: request.headers as Record<string, string | undefined>,
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    receivedAt: Date.now(),
  }
}
