/** Who is signed in, and getting there: from a signed request of the CRM that opened the page, or from a one-time code. */
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { CodedError } from '../../../connectors/errors.ts'
import type { Row } from '../../database/tables.ts'
import { browserFrom } from '../install/browser-cookie.ts'
import { findWorkspaceOfAccount } from '../install/find-workspace.ts'
import { invite } from '../invite.ts'
import { problem } from '../problem.ts'
import { createAdminCheck } from './admin-check.ts'
import { answers, ok, requested } from './answers.ts'
import { openFromCrm } from './open-page.ts'
import { renewalCookie, renewalFrom } from './renewal-cookie.ts'
import { takeCode } from './sign-in.ts'
import { beginSignIn, type OpenedSignIn, renewSignIn, signOut } from './sign-ins.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { findConnectionOf, notAdmin, signedOut, visitorOf } from './visitor.ts'

const opened = z
  .object({
    bearer: z.string(),
    expiresAt: z.date(),
    renew: z
      .uuid()
      .optional()
      .meta({ description: 'after signing in: what to give for the next bearer; the browser adds a cookie that is good for it once' }),
    endsAt: z.date().optional().meta({ description: 'until when that works' }),
    visitor: z
      .object({ crm: z.string(), account: z.string(), userId: z.string() })
      .optional()
      .meta({ description: 'whom the signed request names' }),
  })
  .meta({ id: 'OpenedSession' })

export const session = z
  .object({
    crm: z.object({ id: z.string(), name: z.string() }),
    account: z.string(),
    userId: z.string(),
    admin: z.boolean().meta({ description: 'may change things; whoever may not can read' }),
    expiresAt: z.date().nullable().meta({ description: 'of the bearer; null where every request is signed' }),
    connection: z
      .object({ id: z.int(), state: z.enum(['setup', 'active', 'attention', 'paused']), workspace: z.string() })
      .nullable()
      .meta({ description: 'null: the account is not connected; `POST /api/connect` begins that' }),
  })
  .meta({ id: 'Session' })

export function sessionRoutes(server: ApiServer, tools: ApiTools): void {
  const { db, connectors, apps, publicUrl } = tools
  const asksIfAdmin = createAdminCheck(tools)

  server.post(
    '/session',
    {
      config: { for: 'anybody' },
      schema: {
        operationId: 'openSession',
        tags: ['session'],
        summary: 'Trades a one-time code, a fresh signed request of the CRM, or the cookie of a sign-in, for a bearer',
        body: z.union([
          z.object({ code: z.string().min(1).max(200).meta({ description: 'from the fragment of the page’s address, after signing in' }) }),
          z.object({ crm: z.string(), signedRequest: z.string().max(100_000) }),
          requested.extend({ renew: z.uuid() }),
        ]),
        response: answers(opened),
      },
    },
    async ({ body, headers }, reply) => {
      if ('signedRequest' in body)
        return ok(await openFromCrm(tools, body.crm, new URLSearchParams({ signed_request: body.signedRequest }).toString()))
      if ('renew' in body) {
        const { renew: id, requestId } = body
        const word = renewalFrom(headers.cookie, publicUrl, id)
        const renewed = word === undefined ? undefined : await renewSignIn(db, { id, word, ...(requestId && { requestId }) }, isStillAdmin)
        if (renewed === undefined) throw signedOut()
        return ok(handOver(renewed, reply))
      }
      const visitor = await takeCode(db, body.code, browserFrom(headers.cookie, publicUrl))
      if (visitor === undefined) throw problem('code_spent', 'This sign-in was used before, or it has run out. Sign in again.')
      return ok(handOver(await beginSignIn(db, visitor), reply))
    },
  )

  function handOver({ bearer, expiresAt, renew, word, endsAt }: OpenedSignIn, reply: FastifyReply) {
    reply.header('set-cookie', renewalCookie(publicUrl, renew, { word, endsAt }))
    return { bearer, expiresAt, renew, endsAt }
  }

  /** An account that is not connected has nothing that an admin could change. */
  async function isStillAdmin({ crm, account, user_id: userId, admin }: Row<'page_sign_in'>): Promise<boolean> {
    const connection = await findConnectionOf(db, { crm, account })
    if (connection === undefined) return admin
    return asksIfAdmin({ crm, account, userId }, connection.id).catch((error: unknown) => {
      if (!(error instanceof CodedError) || error.code === 'visitor_gone') throw error
      return error.retry !== 'never' && admin
    })
  }

  server.get(
    '/session',
    { schema: { operationId: 'getSession', tags: ['session'], summary: 'Who is signed in, and what for', response: answers(session) } },
    async (request) => {
      const { crm, account, userId, expiresAt = null, connection, isAdmin } = visitorOf(request)
      const workspace =
        connection && (await db.selectFrom('workspace').select('name').where('id', '=', connection.workspace_id).executeTakeFirstOrThrow())
      return ok({
        crm: { id: crm, name: connectors[crm]?.manifest.displayName ?? crm },
        account,
        userId,
        // Who cannot be asked about reads.
        admin: await isAdmin().catch(() => false),
        expiresAt,
        connection:
          connection === undefined || connection.state === 'removed'
            ? null
            : { id: connection.id, state: connection.state, workspace: workspace?.name ?? '' },
      })
    },
  )

  server.post(
    '/session/end',
    {
      config: { for: 'readers' },
      schema: {
        operationId: 'endSession',
        tags: ['session'],
        summary: 'Signs out',
        body: requested.optional(),
        response: answers(z.null()),
      },
    },
    async (request, reply) => {
      const [, bearer] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
      const ended = bearer === undefined ? undefined : await signOut(db, bearer)
      if (ended !== undefined) reply.header('set-cookie', renewalCookie(publicUrl, ended))
      return ok(null)
    },
  )

  server.post(
    '/connect',
    {
      // Mostly the CRM itself lets only its admins agree, and may not say who they are before it is connected.
      config: { for: 'readers' },
      schema: {
        operationId: 'connect',
        tags: ['session'],
        summary: 'A link to the CRM’s consent page for the account of this session, and for no other; to be opened in a tab of its own',
        body: requested,
        response: answers(z.object({ url: z.url(), expiresAt: z.date() })),
      },
    },
    async (request) => {
      const { crm, account, userId, host, connection, isAdmin } = visitorOf(request)
      if (connectors[crm]?.install?.anybodyAgrees && !(await isAdmin())) throw notAdmin()
      const caller = { db, actor: `${crm}:${userId}` }
      const name = connectors[crm]?.manifest.displayName ?? crm
      const workspace = connection?.workspace_id ?? (await findWorkspaceOfAccount(caller, { crm, name, account }))
      const { url, expiresAt } = await invite(
        caller,
        { workspace, what: { crm, account, ...(host && { host }) }, hours: 1 },
        { apps, publicUrl },
      )
      return ok({ url: `${url}/start`, expiresAt })
    },
  )
}
