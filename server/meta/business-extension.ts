/**
 * Meta's Business Extension: a dialog of Meta's in which an advertiser chooses or makes a dataset and lets our app into it (Meta
 * Business Extension, Conversions API onboarding, and getting asset ids and access tokens). Its private permission is given by hand.
 */
import { CodedError } from '../../connectors/errors.ts'
import type { MetaApp } from './app.ts'
import type { AskResult, GraphClient } from './graph-client.ts'

/** What is asked for in the dialog. */
export const dialogScopes = ['manage_business_extension', 'ads_management', 'ads_read', 'business_management']
/** What the token that events go with may do. */
const tokenScopes = ['ads_management', 'ads_read', 'business_management']

const INSTALLS = 'fbe_business/fbe_installs'

/** An advertiser, as the extension knows it. */
export interface ExtensionBusiness {
  /** Ours, the same for as long as there is the workspace. */
  externalBusinessId: string
  name: string
}

/** The parameter `extras` of the dialog. Time zone, currency and trade have to be there and mean nothing to events of a CRM. Pure. */
export const dialogExtras = ({ externalBusinessId, name }: ExtensionBusiness): string =>
  JSON.stringify({
    setup: {
      external_business_id: externalBusinessId,
      timezone: 'UTC',
      currency: 'USD',
      business_vertical: 'SERVICES',
      channel: 'CONVERSIONS_API',
    },
    business_config: { business: { name } },
    repeat: false,
  })

/**
 * What came of the dialog: the dataset that was chosen, and the token of a system user of the advertiser's business for it.
 *
 * @param userToken the token of whoever went through the dialog
 * Throws `CodedError` `extension_incomplete` (no dataset was chosen), `extension_refused`, `meta_unavailable`.
 */
export async function readExtension(
  graph: GraphClient,
  app: MetaApp,
  { externalBusinessId }: Pick<ExtensionBusiness, 'externalBusinessId'>,
  userToken: string,
): Promise<{ metaId: string; token: string }> {
  const proof = { appSecret: app.secret }
  const query = { fbe_external_business_id: externalBusinessId }
  const installs = bodyOf(await graph.ask({ method: 'GET', path: INSTALLS, query }, userToken, proof))
  const [install = {}] = (Array.isArray(installs.data) ? installs.data : []) as Record<string, unknown>[]
  const [metaId, businessId] = [idOf(install.pixel_id), idOf(install.business_manager_id)]
  if (metaId === undefined || businessId === undefined)
    throw new CodedError({
      code: 'extension_incomplete',
      retry: 'never',
      scope: 'connection',
      userText: "No dataset was chosen in Meta's dialog. Go through it once more, to its last page.",
    })
  const json = { app_id: app.id, scope: tokenScopes.join(','), fbe_external_business_id: externalBusinessId }
  const { access_token: token } = bodyOf(await graph.ask({ method: 'POST', path: `${businessId}/access_token`, json }, userToken, proof))
  if (typeof token !== 'string' || token === '') throw unavailable()
  return { metaId, token }
}

/** Takes our app out of the advertiser's business. `token` is one of its own. Harmless when that was done. Throws as `readExtension`. */
export async function leaveExtension(
  graph: GraphClient,
  app: MetaApp,
  { externalBusinessId }: Pick<ExtensionBusiness, 'externalBusinessId'>,
  token: string,
): Promise<void> {
  const query = { fbe_external_business_id: externalBusinessId }
  const result = await graph.ask({ method: 'DELETE', path: INSTALLS, query }, token, { appSecret: app.secret })
  // A token that ended is what an uninstall leaves behind.
  if (result.kind === 'refused' && result.error.class === 'reconnect') return
  bodyOf(result)
}

function bodyOf(result: AskResult): Record<string, unknown> {
  if (result.kind === 'answered') return result.body
  if (result.kind === 'silent' || result.error.class === 'retry' || result.error.class === 'throttle') throw unavailable()
  const says = result.error.message === '' ? '' : ` (Meta says: ${result.error.message})`
  throw new CodedError({
    code: 'extension_refused',
    retry: 'never',
    scope: 'connection',
    userText: `Meta does not let this app use its Business Extension here${says}. Connect the dataset in another way.`,
  })
}

const idOf = (value: unknown): string | undefined => (/^\d{5,20}$/.test(String(value)) ? String(value) : undefined)

const unavailable = () =>
  new CodedError({
    code: 'meta_unavailable',
    retry: 'later',
    scope: 'connection',
    userText: 'Meta did not answer as it should. Try again in a few minutes.',
  })
