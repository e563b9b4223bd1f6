import { setTimeout as sleep } from 'node:timers/promises'
import type { Access, AppCredentials, Connector, HttpPort } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import type { Database } from '../database/pool.ts'
import type { Log } from '../log.ts'
import { type Lease, withLease } from '../schedule/lease.ts'
import { grantRevoked, notConnected, readGrant, replaceGrant, type StoredGrant } from './grants.ts'
import type { Vault } from './vault.ts'

export interface AccessTokenOptions {
  db: Database
  vault: Vault
  connectionId: number
  /** Account key of the connection; a grant for another account is refused. */
  account: string
  connector: Pick<Connector, 'install'>
  app: AppCredentials
  /** Its time-out is 10 s at most: a renewal has to fit into a lease. */
  http: HttpPort
  log: Log
  /** Milliseconds since the epoch. */
  now?: () => number
}

export interface AccessToken {
  /** A token that works, renewed ahead of its end, with the origin that it is for. */
  current(): Promise<Access>
  /**
   * A token in place of one that the CRM refused; `undefined` where renewing was tried a moment ago and did not help, so
   * that a CRM which refuses every token is not flooded.
   */
  instead(refused: string): Promise<Access | undefined>
  /** Renews a grant that is older than `ageMs`, whether its token works or not: CRMs forget grants that nobody uses. */
  renew(ageMs: number): Promise<void>
}

const HTTP_MS = 10_000
const AHEAD_MS = 5 * 60_000
/** After a failed renewal the token endpoint is left alone for so long. */
const REST_MS = 10_000
/** How long to wait for another process that is renewing. */
const PATIENCE_MS = 15_000

/**
 * The access token of one connection. It is renewed five minutes before it ends (or at half its life, when that is shorter),
 * by one caller of one process at a time, and stored before anyone uses it. Renewal that fails for a passing reason, or
 * through our own fault, leaves the old token in use while it lives.
 *
 * Its functions throw `CodedError`: `grant_revoked` (the connection now asks the customer to connect again), `not_connected`,
 * `app_misconfigured`, or a passing code with a delay.
 */
export function createAccessToken(options: AccessTokenOptions): AccessToken {
  const { db, vault, connectionId, account, connector, app, http, log, now = Date.now } = options
  let known: StoredGrant | undefined
  let refused: string | undefined
  let replacedAt = Number.NEGATIVE_INFINITY
  let renewal: Promise<StoredGrant> | undefined
  /** Won from the CRM and not stored yet: kept over a failure of the database, for the CRM may have ended the one before. */
  let won: { used: StoredGrant; grant: StoredGrant } | undefined
  let failure: { error: CodedError; until: number } | undefined

  const works = (grant: StoredGrant) => grant.accessToken !== refused && now() < grant.expiresAt
  /** Grants of before are renewed, however long they last. */
  let idleSince = Number.NEGATIVE_INFINITY
  const isDue = (grant: StoredGrant) => {
    const life = grant.expiresAt - grant.grantedAt
    return !works(grant) || grant.grantedAt < idleSince || now() >= grant.expiresAt - Math.min(AHEAD_MS, life / 2)
  }

  async function grantKnown(): Promise<StoredGrant> {
    if (known !== undefined) return known
    const stored = await readGrant(db, vault, connectionId)
    // Somebody may have been faster and renewed it already.
    known ??= stored
    return known
  }

  async function grantInUse(): Promise<StoredGrant> {
    const grant = await grantKnown()
    if (!isDue(grant)) return grant
    renewal ??= renewed().finally(() => {
      renewal = undefined
    })
    known = await renewal
    return known
  }

  async function renewed(): Promise<StoredGrant> {
    const patientUntil = performance.now() + PATIENCE_MS
    for (;;) {
      const turn = await withLease(db, `token:${connectionId}`, renewInTurn)
      if (turn.ran) return turn.value
      const stored = await readGrant(db, vault, connectionId)
      if (works(stored)) return stored
      if (performance.now() > patientUntil) throw renewalSlow()
      await sleep(100 + Math.random() * 100)
    }
  }

  async function renewInTurn(lease: Lease): Promise<StoredGrant> {
    const used = await readGrant(db, vault, connectionId)
    if (!isDue(used)) return used
    // One that is won only has to be stored, and the CRM is not asked for it.
    if (won === undefined && failure !== undefined && now() < failure.until)
      return orThrow(used, resting(failure.error, failure.until - now()))
    await refuseIfDisconnected()
    await lease.outlast(HTTP_MS)
    try {
      won ??= { used, grant: await refreshed(used) }
      const stored = await replaceGrant(db, vault, connectionId, won.used, won.grant)
      won = undefined
      failure = undefined
      return stored
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      if (error.code === 'grant_revoked') return orElse(await grantRevoked(db, vault, connectionId, used, error.userText), error)
      failure = { error, until: now() + REST_MS }
      const facts = { connection: connectionId, code: error.code, worksStill: works(used) }
      if (error.code === 'app_misconfigured') log.error(facts, 'the CRM does not accept the credentials of our app')
      else log.warn(facts, 'an access token could not be renewed')
      return orThrow(used, error)
    }
  }

  async function refreshed(used: StoredGrant): Promise<StoredGrant> {
    const grantedAt = now()
    // A connection without a consent has no grant that could be renewed.
    if (connector.install === undefined) throw notConnected()
    const grant = await connector.install.refresh(app, used, http, grantedAt)
    if (grant.account !== account) throw wrongAccount()
    return { ...grant, grantedAt }
  }

  /** A CRM that has withdrawn a grant is not asked again until the customer has connected the account anew. */
  async function refuseIfDisconnected(): Promise<void> {
    const connection = await db.selectFrom('connection').select(['state', 'state_reason']).where('id', '=', connectionId).executeTakeFirst()
    if (connection === undefined || connection.state === 'removed') throw notConnected()
    if (connection.state === 'attention' && connection.state_reason === 'reconnect') throw disconnected()
  }

  const orThrow = (grant: StoredGrant, error: CodedError) => orElse(works(grant) ? grant : undefined, error)

  const accessOf = ({ accessToken, apiUrl = app.baseUrl }: StoredGrant): Access => ({ token: accessToken, apiUrl })

  return {
    async current() {
      return accessOf(await grantInUse())
    },
    async instead(token) {
      if ((await grantKnown()).accessToken === token) {
        if (renewal === undefined && now() - replacedAt < REST_MS) return undefined
        refused = token
        replacedAt = now()
      }
      const grant = await grantInUse()
      return grant.accessToken === token ? undefined : accessOf(grant)
    },
    async renew(ageMs) {
      idleSince = now() - ageMs
      // Another process may have renewed it, or have been given a new one.
      known = undefined
      await grantInUse()
    },
  }
}

function orElse(grant: StoredGrant | undefined, error: CodedError): StoredGrant {
  if (grant === undefined) throw error
  return grant
}

/** The same error again, without asking again. */
function resting(error: CodedError, afterMs: number): CodedError {
  return new CodedError({ code: error.code, retry: { afterMs }, scope: error.scope, userText: error.userText, message: error.message })
}

function disconnected(): CodedError {
  return new CodedError({
    code: 'grant_revoked',
    retry: 'never',
    scope: 'connection',
    userText: 'The CRM has withdrawn the permission. Connect the account again.',
  })
}

function wrongAccount(): CodedError {
  return new CodedError({
    code: 'wrong_account',
    retry: 'later',
    scope: 'connection',
    userText: 'The CRM answered with the permission of another account. Nothing was changed.',
  })
}

function renewalSlow(): CodedError {
  return new CodedError({
    code: 'token_renewal_slow',
    retry: { afterMs: 5_000 },
    scope: 'connection',
    userText: 'The access to the CRM is being renewed. Work goes on afterwards.',
  })
}
