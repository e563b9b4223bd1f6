/** From a request to its visitor: by bearer, or by the CRM's signature over the request. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { parseJson } from '../../../connectors/parse-json.ts'
import { rawRequest } from '../../intake/raw-request.ts'
import { problem } from '../problem.ts'
import { createAdminCheck } from './admin-check.ts'
import { findSession } from './sessions.ts'
import type { ApiTools } from './tools.ts'
import { type ApiVisitor, findConnectionOf, notAdmin, signedOut } from './visitor.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whom the route serves: anybody; whoever may see the account; only its admins. Default: reading for all, changes for admins. */
    for?: 'anybody' | 'readers' | 'admins'
  }
}

/**
 * A hook for before validation, when the body is there as it came: finds the visitor, refuses who may not, and reads the body
 * as JSON. Throws `CodedError`: `signed_out`, `signature_…`, `not_admin`, `invalid_input`.
 */
export function createAuthentication(tools: ApiTools): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const { db, apps, connectors, publicUrl } = tools
  const signing = Object.values(connectors).filter(({ page }) => page?.requests !== undefined)
  const asksIfAdmin = createAdminCheck(tools)

  async function byBearer(request: FastifyRequest): Promise<ApiVisitor | undefined> {
    const [, bearer] = /^Bearer ([\w-]{43})$/.exec(request.headers.authorization ?? '') ?? []
    if (bearer === undefined) return undefined
    const session = await findSession(db, bearer)
    if (session === undefined) throw signedOut()
    const { admin, ...visitor } = session
    return { ...visitor, by: 'bearer', isAdmin: async () => admin, connection: await findConnectionOf(db, visitor) }
  }

  async function bySignature(request: FastifyRequest): Promise<ApiVisitor | undefined> {
    for (const { manifest, page } of signing) {
      const app = Object.hasOwn(apps, manifest.id) ? apps[manifest.id] : undefined
      const verdict = app && page?.requests?.verify(rawRequest(request, publicUrl), app)
      if (verdict === undefined) continue
      if (!verdict.ok) throw problem(verdict.code, verdict.text)
      const { account, userId } = verdict.visitor
      const visitor = { crm: manifest.id, account, userId }
      const connection = await findConnectionOf(db, visitor)
      return { ...visitor, by: 'signed', requestHash: verdict.hash, connection, isAdmin: () => asksIfAdmin(visitor, connection?.id) }
    }
    return undefined
  }

  return async (request) => {
    const whom = request.routeOptions.config.for ?? (request.method === 'GET' ? 'readers' : 'admins')
    if (whom !== 'anybody') {
      // A signature is over the body, which is not there yet where it is a stream.
      const isWhole = request.body === undefined || Buffer.isBuffer(request.body)
      const visitor = (await byBearer(request)) ?? (isWhole ? await bySignature(request) : undefined)
      if (visitor === undefined) throw signedOut()
      request.visitor = visitor
      if (whom === 'admins' && !(await visitor.isAdmin())) throw notAdmin()
    }
    request.body = readJson(request.body)
  }
}

function readJson(body: unknown): unknown {
  if (!Buffer.isBuffer(body)) return body ?? undefined
  if (body.length === 0) return undefined
  try {
    return parseJson(body.toString('utf8'))
  } catch {
    throw problem('invalid_input', 'The request is no JSON.')
  }
}
