/** Who is signed in, and getting there: from a signed request of the CRM that opened the page, or from a one-time code. */
import { z } from 'zod'
import { browserFrom } from '../install/browser-cookie.ts'
import { findWorkspaceOfAccount } from '../install/find-workspace.ts'
import { invite } from '../invite.ts'
import { problem } from '../problem.ts'
import { answers, ok, requested } from './answers.ts'
import { openFromCrm } from './open-page.ts'
import { endSession, openSession } from './sessions.ts'
import { takeCode } from './sign-in.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { visitorOf } from './visitor.ts'

const opened = z.object({ bearer: z.string(), expiresAt: z.date() })

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

  server.post(
    '/session',
    {
      config: { for: 'anybody' },
      schema: {
        operationId: 'openSession',
        tags: ['session'],
        summary: 'Trades a one-time code, or a fresh signed request of the CRM, for a bearer',
        body: z.union([
          z.object({ code: z.string().min(1).max(200).meta({ description: 'from the fragment of the page’s address, after signing in' }) }),
          z.object({ crm: z.string(), signedRequest: z.string().max(100_000) }),
        ]),
        response: answers(opened),
      },
    },
    async ({ body, headers }) => {
      if ('signedRequest' in body)
        return ok(await openFromCrm(tools, body.crm, new URLSearchParams({ signed_request: body.signedRequest }).toString()))
      const visitor = await takeCode(db, body.code, browserFrom(headers.cookie, publicUrl))
      if (visitor === undefined) throw problem('code_spent', 'This sign-in was used before, or it has run out. Sign in again.')
      return ok(await openSession(db, visitor))
    },
  )

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
    async (request) => {
      const [, bearer] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
      if (bearer !== undefined) await endSession(db, bearer)
      return ok(null)
    },
  )

  server.post(
    '/connect',
    {
      // The CRM itself lets only its admins agree.
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
      const { crm, account, userId, host, connection } = visitorOf(request)
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
