/** Our app at Meta, for what is done in its name, and the ways in which a dataset can be opened to us. */
import { getSecret } from '../connections/secrets.ts'
import type { Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'

export interface MetaApp {
  id: string
  secret: string
  /** Configuration of Facebook Login for Business: it names the assets and permissions that are asked for. */
  loginConfig?: string
  /** Where people sign in. */
  dialogUrl: string
  /** Our business, with which datasets can be shared, and the token of its system user. */
  business?: { id: string; token: string }
  /** Meta has let the app use its Business Extension (a private permission, given by hand). */
  extension?: boolean
}

/** How a dataset was opened to us: `extension` is Meta's Business Extension. */
export type AccessKind = 'pasted' | 'login' | 'shared' | 'extension'

/** What a request in the name of a dataset carries. `appSecret` proves that the token is used by the app it belongs to. */
export interface DatasetAccess {
  token: string
  appSecret?: string
}

/**
 * The access to a dataset; undefined where none is stored, or no longer configured. A pasted token belongs to an app that Meta
 * made for it, so our app's secret proves nothing for it. Throws the vault's `CodedError`.
 */
export async function datasetAccess(
  db: Database,
  vault: Vault,
  app: MetaApp | undefined,
  dataset: { id: number; access: AccessKind },
): Promise<DatasetAccess | undefined> {
  const token = dataset.access === 'shared' ? undefined : await getSecret(db, vault, `dataset:${dataset.id}`, 'token')
  return accessWith(dataset.access, token, app)
}

/** The same with a token that is not stored yet. */
export function accessWith(access: AccessKind, token: string | undefined, app: MetaApp | undefined): DatasetAccess | undefined {
  if (access === 'shared') return app?.business && { token: app.business.token, appSecret: app.secret }
  if (token === undefined) return undefined
  return { token, ...(access !== 'pasted' && app !== undefined && { appSecret: app.secret }) }
}
