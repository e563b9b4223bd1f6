/**
 * The steps by which an invitation opens a dataset: which it is and whether it is one for CRM events, then how we may send to it, then
 * on to Meta or a token. Steps are pages of their own address, so that the back button works; only what is saved is posted.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { CodedError } from '../../../connectors/errors.ts'
import { answerConsent, beginConsent } from '../../connections/install/consents.ts'
import { findInvitation, type Invitation, stateOf, useInvitation } from '../../connections/install/invitations.ts'
import type { Vault } from '../../connections/vault.ts'
import type { CrmDataset } from '../../database/tables.ts'
import type { Log } from '../../log.ts'
import { dialogExtras, readExtension } from '../../meta/business-extension.ts'
import type { Caller } from '../caller.ts'
import { type DatasetTools, type NewDataset, readMetaId, setDataset } from '../datasets.ts'
import { problem } from '../problem.ts'
import { countWaiting } from '../prove-dataset.ts'
import type { MetaDialogs } from './meta-login.ts'
import { type Page, sendPage } from './page.ts'
import * as pages from './pages.ts'
import { textsOf } from './texts-of.ts'

export interface DatasetRoutesOptions extends DatasetTools {
  db: Caller['db']
  vault: Vault
  log: Log
}

type Answer = Promise<Page | FastifyReply>
/** Who comes by a link, and in which browser. */
export interface Visits {
  browserCookie: string
  /** The word by which this browser is known again; a new one if need be. */
  browserOf(request: FastifyRequest, reply: FastifyReply): string
  callerOf(invitation: Invitation, request: FastifyRequest): Caller
  /** Serves an open invitation; all others get their page. */
  invited(
    serve: (request: FastifyRequest, reply: FastifyReply, invitation: Invitation) => Answer,
  ): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>
}

export async function datasetRoutes(
  server: FastifyInstance,
  options: DatasetRoutesOptions,
  ways: pages.DatasetWays,
  dialogs: MetaDialogs,
  { browserCookie, browserOf, callerOf, invited }: Visits,
): Promise<void> {
  const { db, vault, graph, metaApp, log } = options

  /** Serves an invitation for a dataset with what was said of it; what cannot be used is asked again. */
  const told = (
    serve: (request: FastifyRequest, reply: FastifyReply, invitation: Invitation, dataset: Told) => Answer,
  ): ReturnType<Visits['invited']> =>
    invited(async (request, reply, invitation) => {
      if (invitation.purpose !== 'dataset') return pages.noSuchLink
      const { metaId = '', crm = '', way } = textsOf(request.method === 'POST' ? request.body : request.query)
      let dataset: Told
      try {
        const chosenThere = ways.extension && way === 'extension'
        dataset = { crmDataset: readAnswer(crm), metaId: chosenThere ? undefined : readMetaId(metaId) }
      } catch (error) {
        if (!(error instanceof CodedError)) throw error
        return pages.whichDataset(invitation, ways, { action: linkOf(request), metaId, crm, problem: error.userText })
      }
      return serve(request, reply, invitation, dataset)
    })

  server.post(
    '/connect/:token',
    told(async (request, reply, invitation, dataset) => {
      const given = textsOf(request.body)
      const { metaId, crmDataset: crm } = dataset
      const link = linkOf(request)
      if (given.way === 'next') return reply.redirect(`${link}/access?${queryOf(dataset)}`, 303)
      if (metaId === undefined || (given.way === 'login' && ways.login)) return reply.redirect(`${link}/to-meta?${queryOf(dataset)}`, 303)
      try {
        return await openDataset(request, invitation, { metaId, crmDataset: crm, ...readAccess(given) })
      } catch (error) {
        if (!(error instanceof CodedError)) throw error
        const hidden = error.code === 'dataset_not_shown' && given.way !== 'shared'
        const waiting = hidden ? await countWaiting(callerOf(invitation, request), invitation.workspace_id, metaId) : 0
        return pages.datasetForm(invitation, ways, {
          action: link,
          metaId,
          crm,
          problem: error.userText,
          ...(hidden && { hidden: { waiting } }),
        })
      }
    }),
  )

  server.get(
    '/connect/:token/access',
    told(async (request, _reply, invitation, { metaId, crmDataset: crm }) =>
      pages.datasetForm(invitation, ways, { action: linkOf(request), metaId: metaId ?? '', crm }),
    ),
  )

  server.get(
    '/connect/:token/to-meta',
    told(async (request, _reply, _invitation, dataset) => pages.goToMeta(`${linkOf(request)}/meta?${queryOf(dataset)}`)),
  )

  server.get(
    '/connect/:token/meta',
    told(async (request, reply, invitation, { metaId, crmDataset }) => {
      const dialog = metaId === undefined ? dialogs.extension : dialogs.login
      if (dialog === undefined) return pages.noSuchLink
      const wanted = { crmDataset, ...(metaId !== undefined && { metaId }) }
      const { state } = await beginConsent(db, vault, invitation.id, browserOf(request, reply), wanted)
      const more: Record<string, string> = metaId === undefined ? { extras: dialogExtras(await businessOf(invitation)) } : {}
      return reply.header('cache-control', 'no-store').redirect(await dialog.consentUrl(request, reply, state, more), 303)
    }),
  )

  server.get('/oauth/meta/callback', async (request, reply) => sendPage(reply, await answered(request, reply)))

  /** The browser came back from Meta. */
  async function answered(request: FastifyRequest, reply: FastifyReply): Promise<Page> {
    const { code, state } = textsOf(request.query)
    if (state === undefined) return pages.strangeAnswer('Meta')
    const answer = await answerConsent(db, vault, state, request.cookies[browserCookie])
    if (answer.outcome === 'unknown') return pages.strangeAnswer('Meta')
    if (answer.outcome === 'again') return pages.answeredBefore('Meta')
    const { crmDataset, metaId } = answer
    const invitation = await findInvitation(db, { id: answer.invitationId })
    const dialog = metaId === null ? dialogs.extension : dialogs.login
    if (invitation === undefined || crmDataset === null || dialog === undefined || metaApp === undefined) return pages.strangeAnswer('Meta')
    if (stateOf(invitation, Date.now()) === 'used') return pages.used(invitation)
    if (code === undefined) return pages.declined('Meta')
    try {
      const { token, expiresAt } = await dialog.exchange(request, reply)
      const won =
        metaId === null
          ? { ...(await readExtension(graph, metaApp, await businessOf(invitation), token)), won: { by: 'extension' as const } }
          : { metaId, token, won: { by: 'login' as const, ...(expiresAt !== undefined && { expiresAt }) } }
      return await openDataset(request, invitation, { ...won, crmDataset, probe: true })
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      log.warn({ error }, 'a dataset could not be connected')
      return pages.refused('Meta', error)
    }
  }

  async function openDataset(
    request: FastifyRequest,
    invitation: Invitation,
    given: Omit<NewDataset, 'workspace'> & { crmDataset: CrmDataset },
  ): Promise<Page> {
    const set = await setDataset(callerOf(invitation, request), { ...given, workspace: invitation.workspace_id }, options)
    await useInvitation(db, invitation.id)
    return pages.datasetSaved(given.metaId, set, given.crmDataset)
  }

  async function businessOf({ workspace_id, workspace: name }: Invitation) {
    const row = await db.selectFrom('workspace').select('external_business_id').where('id', '=', workspace_id).executeTakeFirstOrThrow()
    return { externalBusinessId: row.external_business_id, name }
  }
}

/** What a person said of a dataset; without an id, it is chosen at Meta. */
interface Told {
  metaId: string | undefined
  crmDataset: CrmDataset
}

/** The same, as later steps are asked for it. */
const queryOf = ({ metaId, crmDataset: crm }: Told) =>
  String(new URLSearchParams({ crm, ...(metaId === undefined ? { way: 'extension' } : { metaId }) }))

/** The address of the link itself. */
export const linkOf = (request: FastifyRequest): string => `/connect/${(request.params as { token: string }).token}`

/** What the person says of the dataset. Throws `CodedError` `invalid_input`. */
function readAnswer(given: string): CrmDataset {
  if (given === 'yes' || given === 'no' || given === 'unknown') return given
  throw problem('invalid_input', 'Say whether it is a dataset for CRM events; “I don’t know” is an answer, too.')
}

/** By which token, if any, and whether that is checked. Throws `CodedError` `invalid_input`. */
function readAccess({ way, token = '', instead, testCode = '' }: Record<string, string | undefined>) {
  if (way === 'shared') return { probe: true }
  const testEventCode = testCode.trim()
  if (instead === 'test' && testEventCode === '')
    throw problem('invalid_input', 'For a test event, the code is needed that Events Manager shows under "Test events".')
  return { token: token.trim(), probe: instead !== 'keep', ...(instead === 'test' && { testEventCode }) }
}
