/**
 * Signing in to the web page on its own: the CRM's consent says who somebody is, and leaves nothing behind. It ends at the page,
 * with a code in the fragment of its address, which no server sees and no log keeps; the page trades it for a bearer.
 */
import { z } from 'zod'
import type { AppCredentials, Connector } from '../../../connectors/connector.ts'
import { CodedError } from '../../../connectors/errors.ts'
import { hashToken, newToken } from '../../connections/install/tokens.ts'
import type { Database } from '../../database/pool.ts'
import { problem } from '../problem.ts'
import { createAdminCheck } from './admin-check.ts'
import { issuePass, takePass } from './passes.ts'
import type { SessionOf } from './sessions.ts'
import type { ApiTools } from './tools.ts'
import { findConnectionOf } from './visitor.ts'

export interface SignIn {
  /** Where the CRM asks. `host`: where the account signs in, as a person typed it. Throws `unknown_host`, `crm_off`. */
  begin(crm: string, host: string | undefined, browser: string): Promise<string>
  /**
   * Where the browser goes on to with this answer; undefined where the state is not that of a sign-in. Throws `sign_in_declined`,
   * `sign_in_elsewhere` (begun in another browser), and what the CRM makes of the code.
   */
  answer(crm: string, given: { state: string; code: string | undefined }, browser: string | undefined): Promise<string | undefined>
}

const CONSENT_MS = 15 * 60_000
/** The browser is sent straight to the page. */
const CODE_MS = 60_000

/**
 * Whose session a code begins; undefined where it was used, has run out, or is not from a sign-in of this browser: whoever sent
 * somebody a link with a code of their own would have them enter things into another account.
 */
export async function takeCode(db: Database, code: string, browser: string | undefined): Promise<SessionOf | undefined> {
  const taken = (await takePass(db, 'signed_in', code)) as (SessionOf & { browser: string }) | undefined
  if (taken === undefined || browser === undefined || hashToken(browser).toString('hex') !== taken.browser) return undefined
  const { browser: _, ...session } = taken
  return session
}

const begun = z.object({ crm: z.string(), authUrl: z.string().optional(), verifier: z.string(), browser: z.string() })

type SignInTools = Pick<ApiTools, 'db' | 'vault' | 'connections' | 'connectors' | 'apps' | 'http' | 'publicUrl'>

export function createSignIn(tools: SignInTools): SignIn {
  const { db, vault, connectors, apps, http, publicUrl } = tools
  const sealer = vault.for('secret')
  const asksIfAdmin = createAdminCheck(tools)
  const redirectUri = (crm: string) => `${publicUrl}/oauth/${crm}/callback`

  function known(crm: string): { connector: Connector; page: NonNullable<Connector['page']>; app: AppCredentials } {
    const connector = Object.hasOwn(connectors, crm) ? connectors[crm] : undefined
    const app = Object.hasOwn(apps, crm) ? apps[crm] : undefined
    if (connector?.page === undefined || app === undefined) throw problem('crm_off', 'Nobody can sign in with this CRM here.')
    return { connector, page: connector.page, app }
  }

  return {
    async begin(crm, host, browser) {
      const { connector, page, app } = known(crm)
      const authUrl = host === undefined ? undefined : connector.install?.authUrl?.(host, app)
      const verifier = newToken()
      const sealed = sealer.seal(Buffer.from(verifier), 'sign-in').toString('base64')
      const body = { crm, verifier: sealed, browser: hashToken(browser).toString('hex'), ...(authUrl !== undefined && { authUrl }) }
      const state = await issuePass(db, 'signing_in', body, CONSENT_MS)
      const challenge = hashToken(verifier).toString('base64url')
      return page.signIn.consentUrl(app, { redirectUri: redirectUri(crm), state, challenge, ...(authUrl !== undefined && { authUrl }) })
    },

    async answer(crm, { state, code }, browser) {
      const taken = begun.safeParse(await takePass(db, 'signing_in', state))
      if (!taken.success) return undefined
      if (browser === undefined || hashToken(browser).toString('hex') !== taken.data.browser || taken.data.crm !== crm)
        throw problem('sign_in_elsewhere', 'This was not begun in this browser. Sign in once more.')
      if (code === undefined) throw problem('sign_in_declined', 'You were not signed in: the CRM was not allowed to say who you are.')
      const { page, app } = known(crm)
      const { authUrl, verifier: sealed } = taken.data
      const verifier = sealer.open(Buffer.from(sealed, 'base64'), 'sign-in').toString()
      const given = { code, redirectUri: redirectUri(crm), verifier, ...(authUrl !== undefined && { authUrl }) }
      const visitor = await page.signIn.identify(app, given, http, Date.now())
      const { account, userId } = visitor
      const connection = await findConnectionOf(db, { crm, account })
      // Who cannot be asked about reads.
      const admin = await asksIfAdmin({ ...visitor, crm }, connection?.id).catch((error: unknown) => {
        if (error instanceof CodedError) return false
        throw error
      })
      const session = { crm, account, userId, admin, ...(authUrl !== undefined && { host: authUrl }), browser: taken.data.browser }
      return `${publicUrl}/page#code=${await issuePass(db, 'signed_in', session, CODE_MS)}`
    },
  }
}
