/**
 * The pages by which a CRM account or a dataset gets connected: an invitation leads to the CRM's own consent page, and that
 * back here. An install that begins in a CRM's marketplace comes here directly.
 *
 * `@fastify/oauth2` carries the way to Meta (`meta-login.ts`), but not those to the CRMs: its PKCE verifier lies in one cookie (a
 * second tab would break the first), a registration has one authorization host (CRMs have one for each account), and it knows no
 * install that the marketplace begins.
 */
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AppCredentials, Connector, Install } from '../../../connectors/connector.ts'
import { CodedError } from '../../../connectors/errors.ts'
import { answerConsent, beginConsent, consentLedTo } from '../../connections/install/consents.ts'
import { findInvitation, type Invitation, stateOf, useInvitation } from '../../connections/install/invitations.ts'
import { newToken } from '../../connections/install/tokens.ts'
import type { Log } from '../../log.ts'
import { type AddedConnection, connectAccount, type InstallTools } from '../add-connection.ts'
import { createSignIn } from '../api/sign-in.ts'
import type { Caller } from '../caller.ts'
import { browserCookieOf } from './browser-cookie.ts'
import { type DatasetRoutesOptions, datasetRoutes, linkOf, type Visits } from './dataset-routes.ts'
import { findWorkspaceOfAccount } from './find-workspace.ts'
import { registerMetaDialogs } from './meta-login.ts'
import { type Page, sendPage } from './page.ts'
import * as pages from './pages.ts'
import { textsOf } from './texts-of.ts'

export interface InstallRoutesOptions extends InstallTools, DatasetRoutesOptions {
  connectors: Readonly<Record<string, Connector>>
  graphUrl: string
  graphVersion: string
  /** Origin under which people reach us. */
  publicUrl: string
  log: Log
}

interface Crm {
  id: string
  name: string
  install: Install
  app: AppCredentials
}

/** From one address, in a minute. */
const MOST_REQUESTS = 60
const DAY_S = 86_400

export async function installRoutes(server: FastifyInstance, options: InstallRoutesOptions): Promise<void> {
  const { db, vault, apps, http, connectors, metaApp, publicUrl, log } = options
  const secure = publicUrl.startsWith('https:')
  const browserCookie = browserCookieOf(publicUrl)
  await server.register(cookie)
  await server.register(formbody, { bodyLimit: 16_384 })
  await server.register(rateLimit, { max: MOST_REQUESTS, timeWindow: '1 minute' })

  const dialogs = await registerMetaDialogs(server, options)
  const ways: pages.DatasetWays = {
    login: dialogs.login !== undefined,
    extension: dialogs.extension !== undefined,
    ...(metaApp?.business && { business: metaApp.business.id }),
  }

  const crmOf = (id: string | null): Crm | undefined => {
    const connector = id !== null && Object.hasOwn(connectors, id) ? connectors[id] : undefined
    const app = id !== null && Object.hasOwn(apps, id) ? apps[id] : undefined
    if (connector?.install === undefined || app === undefined) return undefined
    return { id: connector.manifest.id, name: connector.manifest.displayName, install: connector.install, app }
  }
  const signIn = createSignIn(options)
  const redirectUri = (crm: Crm) => `${publicUrl}/oauth/${crm.id}/callback`
  const callerOf = ({ id, workspace_id: workspaceId }: Invitation, { ip: address }: FastifyRequest): Caller => ({
    ...{ db, actor: `invitation:${id}`, workspaceId, address },
  })

  /** The word by which this browser is known again; a new one if need be. */
  const browserOf = (request: FastifyRequest, reply: FastifyReply): string => {
    const browser = request.cookies[browserCookie] ?? newToken()
    reply.setCookie(browserCookie, browser, { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge: DAY_S })
    return browser
  }

  const invited: Visits['invited'] = (serve) => async (request, reply) => {
    const { token } = request.params as { token: string }
    const invitation = await findInvitation(db, { token })
    if (invitation === undefined) return sendPage(reply, pages.noSuchLink)
    const state = stateOf(invitation, Date.now())
    if (state !== 'open') return sendPage(reply, state === 'used' ? pages.used(invitation) : pages.expired(invitation))
    const page = await serve(request, reply, invitation)
    return 'title' in page ? sendPage(reply, page) : page
  }

  server.get(
    '/connect/:token',
    invited(async (request, _reply, invitation) => {
      if (invitation.purpose === 'dataset') return pages.whichDataset(invitation, ways, { action: linkOf(request) })
      const crm = crmOf(invitation.crm)
      if (crm === undefined) return pages.noSuchLink
      return pages.invite(invitation, crm.name, crm.install, `${linkOf(request)}/start`)
    }),
  )

  server.get(
    '/connect/:token/start',
    invited(async (request, reply, invitation) => {
      const crm = crmOf(invitation.crm)
      if (crm === undefined) return pages.noSuchLink
      const { state, challenge } = await beginConsent(db, vault, invitation.id, browserOf(request, reply))
      const authUrl = invitation.auth_url ?? undefined
      const url = crm.install.consentUrl(crm.app, { redirectUri: redirectUri(crm), state, challenge, ...(authUrl && { authUrl }) })
      return reply.header('cache-control', 'no-store').redirect(url, 303)
    }),
  )

  await datasetRoutes(server, options, ways, dialogs, { browserCookie, browserOf, callerOf, invited })

  server.get('/sign-in/:crm', async (request, reply) => {
    const crm = crmOf((request.params as { crm: string }).crm)
    if (crm === undefined) return sendPage(reply, pages.noSuchLink)
    try {
      const url = await signIn.begin(crm.id, textsOf(request.query).host, browserOf(request, reply))
      return reply.header('cache-control', 'no-store').redirect(url, 303)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      return sendPage(reply, pages.notSignedIn(error))
    }
  })

  server.get('/oauth/:crm/callback', async (request, reply) => {
    const crm = crmOf((request.params as { crm: string }).crm)
    if (crm === undefined) return sendPage(reply, pages.noSuchLink)
    const { code, state, error: refusal, returnUrl } = textsOf(request.query)
    try {
      if (code !== undefined && state === undefined && returnUrl !== undefined)
        return await fromMarketplace(crm, code, returnUrl, request, reply)
      if (state === undefined) return sendPage(reply, pages.strangeAnswer(crm.name))
      const signedIn = await signIn.answer(crm.id, { state, code }, request.cookies[browserCookie]).catch(tellWhy)
      if (typeof signedIn === 'string') return reply.header('cache-control', 'no-store').redirect(signedIn, 303)
      return sendPage(reply, signedIn ?? (await answered(crm, state, { code, error: refusal }, request)))
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      log.warn({ crm: crm.id, error }, 'an account could not be connected')
      return sendPage(reply, pages.refused(crm.name, error))
    }
  })

  /** The browser came back from a consent that began here. */
  async function answered(
    crm: Crm,
    state: string,
    { code, error }: { code: string | undefined; error: string | undefined },
    request: FastifyRequest,
  ): Promise<Page> {
    const answer = await answerConsent(db, vault, state, request.cookies[browserCookie])
    if (answer.outcome === 'unknown') return pages.strangeAnswer(crm.name)
    if (answer.outcome === 'again') return answer.connectionId === null ? pages.answeredBefore(crm.name) : pages.connectedAlready(crm.name)
    const invitation = await findInvitation(db, { id: answer.invitationId })
    if (invitation === undefined || invitation.crm !== crm.id) return pages.strangeAnswer(crm.name)
    if (stateOf(invitation, Date.now()) === 'used') return pages.used(invitation)
    if (code === undefined) return pages.declined(crm.name, crm.install.explain?.(error ?? ''))
    const grantedAt = Date.now()
    const authUrl = invitation.auth_url ?? undefined
    const given = { code, redirectUri: redirectUri(crm), verifier: answer.verifier, ...(authUrl && { authUrl }) }
    const { others = [], ...first } = await crm.install.exchange(crm.app, given, http, grantedAt)
    const wanted = [first, ...others].filter(({ account }) => invitation.account === null || invitation.account === account)
    if (wanted.length === 0) return pages.wrongAccount(crm.name, invitation.account ?? '', first.account)
    const added: AddedConnection[] = []
    for (const grant of wanted) {
      const kept = { ...grant, grantedAt }
      added.push(await connectAccount(callerOf(invitation, request), invitation.workspace_id, { crm: crm.id }, kept, options))
    }
    await useInvitation(db, invitation.id)
    await consentLedTo(db, state, (added[0] as AddedConnection).id)
    return pages.connected(crm.name, added)
  }

  /**
   * The CRM has asked the admin itself and waits for the browser. There is no state of ours to check, so the install belongs to
   * the account that the code names and to nobody who happens to sit at this browser.
   */
  async function fromMarketplace(
    crm: Crm,
    code: string,
    returnUrl: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    if (crm.install.returnsTo?.(crm.app, returnUrl) !== true) return sendPage(reply, pages.strangeAnswer(crm.name))
    const grantedAt = Date.now()
    const grant = { ...(await crm.install.exchange(crm.app, { code, redirectUri: redirectUri(crm) }, http, grantedAt)), grantedAt }
    const caller: Caller = { db, actor: `marketplace:${crm.id}`, address: request.ip }
    const workspaceId = await findWorkspaceOfAccount(caller, { crm: crm.id, name: crm.name, account: grant.account })
    await connectAccount(caller, workspaceId, { crm: crm.id }, grant, options)
    return reply.header('cache-control', 'no-store').redirect(returnUrl, 303)
  }
}

/** Why somebody was not signed in. */
function tellWhy(error: unknown): Page {
  if (error instanceof CodedError) return pages.notSignedIn(error)
  throw error
}
