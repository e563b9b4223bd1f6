import { type Answer, type Commands, type Exchange, listen } from '../listen.ts'
import type { Misbehaviour } from '../misbehaviour.ts'
import { consentCall, type Declared, marketplaceCall } from './consent.ts'
import { Crm, type CrmRecord, type HistoryEntry, type Source } from './crm.ts'
import { answerCrmCall, readCrmCall } from './crm-api.ts'
import type { Pipeline, Property } from './default-account.ts'
import { type ObjectType, objectType } from './object-types.ts'
import { crmError, missingScopes, rateLimited, usualError } from './replies.ts'
import { type Limit, RollingLimit } from './rolling-limit.ts'
import { type App, Tokens } from './tokens.ts'
import { type Subscriptions, stageSubscriptions, webhookEvents } from './webhook-events.ts'
import { type Attempt, hubspotSender, type SenderOptions, type SenderStats, WebhookSender } from './webhook-sender.ts'

export interface PortalOptions {
  portalId: number
  scopes?: string[] | undefined
  /** The refresh token to hand out; random by default. */
  refreshToken?: string | undefined
  companyCurrency?: string | undefined
}
export interface Limits {
  /** 110 requests in 10 s for a marketplace app, search excluded. */
  burst: Limit
  /** 5 searches a second. */
  search: Limit
  /** 100 association calls in 10 s. */
  associations: Limit
}
export interface HubSpotOptions {
  port?: number | undefined
  app?: (Partial<App> & Partial<Declared>) | undefined
  portals?: PortalOptions[] | undefined
  webhooks?: (Partial<SenderOptions> & { subscriptions?: Subscriptions }) | undefined
  /** `false` switches them off. */
  limits?: Partial<Limits> | false | undefined
  accessTokenSeconds?: number | undefined
  /** How far the search index lags behind writes, milliseconds. Default 0. */
  searchLagMs?: number | undefined
  /** The CRM's clock, milliseconds; signatures always carry the machine's time. */
  clock?: (() => number) | undefined
  /** Start of the random numbers behind loss, duplicates, order and spacing. */
  seed?: number | undefined
}
/** A request as it was answered. */
export interface SeenRequest {
  at: number
  portalId: number | undefined
  method: string
  path: string
  query: string
  /** 0: never answered. */
  status: number
  body: string
  /** The request met this misbehaviour instead of the CRM. */
  misbehaved?: Misbehaviour['how']
}
/** Points at one record; the first account unless another is named. `type` by any of its names. */
export interface Target {
  portalId?: number
  type: string
  id: string
}
/** When and by whom; the CRM's present and a user by default. */
interface When {
  at?: number
  source?: Source
}
export interface RecordView {
  id: string
  createdAt: number
  archived: boolean
  properties: Record<string, string | null>
  history: Record<string, HistoryEntry[]>
}
export interface HubSpot {
  url: string
  port: number
  app: App
  /** Adds an account with the app installed. */
  addPortal(portal: PortalOptions): { portalId: number; code: string; refreshToken: string }
  /** The account vanishes: refreshing says BAD_HUB. */
  /** Somebody who may sign in to the account. */
  setUser(input: { portalId?: number; userId: string; superAdmin: boolean }): void
  removePortal(input: { portalId: number }): void
  /** Consent given anew: a code for the token endpoint, and the refresh token to come. */
  install(input: { portalId?: number; scopes?: string[]; refreshToken?: string; redirectUri?: string }): {
    code: string
    refreshToken: string
  }
  /** The marketplace has asked an admin itself: the address that it opens in their browser. */
  marketplaceInstall(input: { portalId?: number; installUrl: string }): { url: string }
  /** An access token without the token endpoint. */
  accessToken(input: { refreshToken: string }): { accessToken: string }
  create(input: When & { portalId?: number; type: string; properties?: Record<string, string | null>; id?: string }): { id: string }
  change(input: When & Target & { properties: Record<string, string | null> }): void
  remove(input: When & Target): void
  restore(input: When & Target): void
  /** Privacy deletion. */
  erase(input: When & Target): void
  merge(input: When & { portalId?: number; type: string; primaryId: string; otherIds: string[]; newRecord?: boolean }): { id: string }
  associate(input: When & { portalId?: number; from: Target; to: Target; primary?: boolean; label?: string }): void
  dissociate(input: When & { portalId?: number; from: Target; to: Target }): void
  record(input: Target): RecordView | undefined
  defineProperty(input: { portalId?: number; type: string; property: Partial<Property> & { name: string } }): void
  setPipelines(input: { portalId?: number; type: string; pipelines: Pipeline[] }): void
  /** Changes how webhooks are sent, and to where, from now on. */
  webhooks(input: Partial<SenderOptions> & { subscriptions?: Subscriptions }): void
  stats(): SenderStats
  attempts(): Attempt[]
  /** Resolves when all webhooks are delivered or given up. */
  idle(): Promise<SenderStats>
  expireTokens(input: { portalId?: number }): void
  revokeGrant(input: { portalId?: number }): void
  uninstall(input: { portalId?: number }): void
  setScopes(input: { portalId?: number; scopes: string[] }): void
  /** A new client secret for signatures and the token endpoint. */
  setClientSecret(input: { clientSecret: string }): void
  /** Where consent may lead back to. */
  setRedirectUris(input: { redirectUris: string[] }): void
  /** Whether refreshing returns a new refresh token and ends the old one. */
  rotateRefreshTokens(input: { on: boolean }): void
  tokenCounts(): { exchanges: number; refreshes: number; refused: number }
  setLimits(input: { limits: Partial<Limits> | false }): void
  /** The usual error body with this status for the next matching requests; 477 and 429 may say how long to wait (seconds). */
  fail(input: { status: number; path?: string; method?: string; times?: number; after?: number; retryAfter?: number }): void
  misbehave(rule: Misbehaviour): void
  behave(): void
  requests(): SeenRequest[]
  /** Forgets requests and webhook attempts; records and counts stay. */
  reset(): void
  close(): Promise<void>
}

interface Portal {
  portalId: number
  crm: Crm
  companyCurrency: string
  scopes: string[]
  limits: { [name in keyof Limits]: RollingLimit } | undefined
  /** By id: whether somebody is super admin. */
  users: Map<string, boolean>
}
type Limited = { headers: Record<string, string> } | { refusal: Answer }

export const demoApp: App = {
  appId: 4004,
  clientId: '00000000-demo-client',
  clientSecret: 'demo-client-secret-0000',
  redirectUris: ['https://capi.example.com/oauth/callback'],
}
/** What the app declares: without the first an install fails, the others may be declined. */
const requiredScopes = ['oauth', 'crm.objects.contacts.read', 'crm.objects.deals.read', 'crm.schemas.contacts.read', 'settings.users.read']
const optionalScopes = ['crm.objects.leads.read', 'crm.schemas.contacts.write', 'crm.objects.contacts.write']
/** The user who agrees to everything, and is super admin everywhere. */
export const ADMIN = '606'
/** Scopes that a connector of all stage sources has when everything was granted. */
export const allScopes = [
  'oauth',
  'crm.objects.contacts.read',
  'crm.objects.deals.read',
  'crm.objects.leads.read',
  'crm.schemas.contacts.read',
  'crm.schemas.contacts.write',
  'settings.users.read',
]
const documentedLimits: Limits = {
  burst: { count: 110, perMs: 10_000 },
  search: { count: 5, perMs: 1000 },
  associations: { count: 100, perMs: 10_000 },
}

/**
 * Starts a stand-in for HubSpot: OAuth endpoints, the CRM calls that a connector uses with their limits and error bodies,
 * and a sender of signed webhooks. Every account has a CRM of its own in memory.
 */
export async function startHubSpot(options: HubSpotOptions = {}): Promise<HubSpot> {
  const clock = options.clock ?? Date.now
  const random = randomNumbers(options.seed ?? 1)
  const app: App = { ...demoApp, ...options.app }
  const declared: Declared = { requiredScopes: requiredScopes, optionalScopes: optionalScopes, ...options.app }
  const portals = new Map<number, Portal>()
  const tokens = new Tokens(app, clock, options.accessTokenSeconds ?? 1800, portals)
  const { subscriptions: given, ...sending } = options.webhooks ?? {}
  let subscriptions = given ?? stageSubscriptions
  let limits: Partial<Limits> | false = options.limits ?? {}
  let seen: SeenRequest[] = []
  let eventId = 100_000
  const sender = new WebhookSender({ ...hubspotSender, ...sending }, () => app.clientSecret, random)

  function handle(exchange: Exchange): Answer {
    const authorised = tokens.authorise(exchange.headers.authorization)
    const portal = authorised.ok ? portals.get(authorised.portalId) : undefined
    const answer = route()
    seen.push(see(exchange, portal?.portalId, answer.status))
    return answer

    function route(): Answer {
      const open = oauthCall(exchange) ?? consentCall(exchange, tokens, [...portals.keys()], declared) ?? marketplaceCall(exchange)
      if (open !== undefined) return open
      if (!authorised.ok)
        return authorised.expired
          ? crmError(401, 'EXPIRED_AUTHENTICATION', 'the access token has expired')
          : crmError(401, 'INVALID_AUTHENTICATION', 'the access token is not known')
      if (portal === undefined) return crmError(401, 'INVALID_AUTHENTICATION', 'the account is gone')
      const call = readCrmCall(exchange.path)
      const searching = call?.area === 'objects' && call.rest[1] === 'search'
      const limited = searching ? limitSearch(portal) : limitBurst(portal, call?.area === 'associations')
      if ('refusal' in limited) return limited.refusal
      const answer =
        call === undefined
          ? accountCall(exchange, portal, authorised.scopes)
          : answerCrmCall(call, exchange, {
              crm: portal.crm,
              scopes: authorised.scopes,
              searchLagMs: options.searchLagMs ?? 0,
              url: server.url,
            })
      return { ...answer, headers: { ...limited.headers, ...answer.headers } }
    }
  }

  function unhandled(exchange: Exchange, { how, status }: Misbehaviour): void {
    const authorised = tokens.authorise(exchange.headers.authorization)
    const portalId = authorised.ok ? authorised.portalId : undefined
    seen.push({ ...see(exchange, portalId, how === 'answer' ? (status ?? 500) : 0), misbehaved: how })
  }

  function oauthCall(exchange: Exchange): Answer | undefined {
    const call = /^\/oauth\/(?:2026-0[39]|v[13])\/token(\/introspect|\/revoke)?$/.exec(exchange.path)
    if (call === null) return undefined
    if (exchange.method !== 'POST') return crmError(405, 'METHOD_NOT_ALLOWED', 'this method is not allowed here')
    if (!exchange.headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
      return crmError(415, 'VALIDATION_ERROR', 'the body has to be form-encoded')
    const form = new URLSearchParams(exchange.body.toString('utf8'))
    if (call[1] === '/introspect') return tokens.introspect(form)
    return call[1] === '/revoke' ? tokens.revokeByForm(form) : tokens.token(form)
  }

  function accountCall(exchange: Exchange, portal: Portal, scopes: string[]): Answer {
    if (exchange.method === 'GET' && /^\/account-info\/(2026-0[39]|v3)\/details$/.test(exchange.path)) {
      if (!scopes.includes('oauth')) return missingScopes(['oauth'])
      return { status: 200, json: accountInfo(portal) }
    }
    const [, userId] = /^\/settings\/users\/2026-0[39]\/(\d+)$/.exec(exchange.path) ?? []
    if (exchange.method === 'GET' && userId !== undefined) {
      if (!scopes.includes('settings.users.read')) return missingScopes(['settings.users.read'])
      const superAdmin = portal.users.get(userId)
      if (superAdmin === undefined) return crmError(404, 'OBJECT_NOT_FOUND', 'no such user')
      return { status: 200, json: { id: userId, email: `user${userId}@example.com`, roleIds: [], superAdmin } }
    }
    if (exchange.method === 'DELETE' && /^\/appinstalls\/(2026-0[39]|v3)\/external-install$/.test(exchange.path)) {
      tokens.uninstall(portal.portalId)
      return { status: 204 }
    }
    return crmError(404, 'OBJECT_NOT_FOUND', 'no such call')
  }

  /** Searches have a limit of their own and no headers. */
  function limitSearch(portal: Portal): Limited {
    const refused = portal.limits !== undefined && portal.limits.search.take(Date.now()) === undefined
    return refused ? { refusal: rateLimited('SECONDLY') } : { headers: {} }
  }

  function limitBurst(portal: Portal, association: boolean): Limited {
    if (portal.limits === undefined) return { headers: {} }
    const { burst, associations } = portal.limits
    if (association && associations.take(Date.now()) === undefined) return { refusal: rateLimited('TEN_SECONDLY_ROLLING') }
    const left = burst.take(Date.now())
    const headers = {
      'x-hubspot-ratelimit-max': String(burst.limit.count),
      'x-hubspot-ratelimit-remaining': String(left ?? 0),
      'x-hubspot-ratelimit-interval-milliseconds': String(burst.limit.perMs),
    }
    return left === undefined ? { refusal: rateLimited('TEN_SECONDLY_ROLLING', headers) } : { headers }
  }

  function newLimits(): Portal['limits'] {
    if (limits === false) return undefined
    const all = { ...documentedLimits, ...limits }
    return { burst: new RollingLimit(all.burst), search: new RollingLimit(all.search), associations: new RollingLimit(all.associations) }
  }

  function portalOf(input: { portalId?: number | undefined }): Portal {
    const portal = input.portalId === undefined ? portals.values().next().value : portals.get(input.portalId)
    if (portal === undefined) throw new Error(`no account ${input.portalId}`)
    return portal
  }

  function typeOf(name: string): ObjectType {
    const type = objectType(name)
    if (type === undefined) throw new Error(`no object type ${name}`)
    return type
  }

  function nextEventId(): number {
    eventId += 1
    return eventId
  }

  const control = {
    addPortal: (input: PortalOptions) => {
      const { portalId } = input
      const scopes = input.scopes ?? allScopes
      const crm = new Crm(clock, (change) =>
        sender.enqueue(webhookEvents(change, subscriptions, { portalId, appId: app.appId, nextEventId })),
      )
      const users = new Map([[ADMIN, true]])
      portals.set(portalId, { portalId, crm, companyCurrency: input.companyCurrency ?? 'USD', scopes, limits: newLimits(), users })
      return { portalId, ...tokens.install(portalId, scopes, input.refreshToken) }
    },
    setUser: (input: { portalId?: number; userId: string; superAdmin: boolean }) =>
      void portalOf(input).users.set(input.userId, input.superAdmin),
    removePortal: (input: { portalId: number }) => void portals.delete(input.portalId),
    install: (input: { portalId?: number; scopes?: string[]; refreshToken?: string; redirectUri?: string }) => {
      const portal = portalOf(input)
      return tokens.install(portal.portalId, input.scopes ?? portal.scopes, input.refreshToken, input.redirectUri)
    },
    marketplaceInstall: (input: { portalId?: number; installUrl: string }) => {
      const { portalId, scopes } = portalOf(input)
      const url = new URL(input.installUrl)
      url.searchParams.set('code', tokens.install(portalId, scopes, undefined, input.installUrl).code)
      url.searchParams.set('returnUrl', `${server.url}/marketplace/installed`)
      return { url: url.href }
    },
    accessToken: (input: { refreshToken: string }) => ({ accessToken: tokens.issue(input.refreshToken) }),
    create: (input: When & { portalId?: number; type: string; properties?: Record<string, string | null>; id?: string }) => ({
      id: portalOf(input).crm.create(typeOf(input.type), input.properties ?? {}, input).id,
    }),
    change: (input: When & Target & { properties: Record<string, string | null> }) =>
      void portalOf(input).crm.update(typeOf(input.type), input.id, input.properties, input),
    remove: (input: When & Target) => portalOf(input).crm.remove(typeOf(input.type), input.id, input),
    restore: (input: When & Target) => portalOf(input).crm.restore(typeOf(input.type), input.id, input),
    erase: (input: When & Target) => portalOf(input).crm.erase(typeOf(input.type), input.id, input),
    merge: (input: When & { portalId?: number; type: string; primaryId: string; otherIds: string[]; newRecord?: boolean }) => ({
      id: portalOf(input).crm.merge(typeOf(input.type), input.primaryId, input.otherIds, input).id,
    }),
    associate: (input: When & { portalId?: number; from: Target; to: Target; primary?: boolean; label?: string }) =>
      portalOf(input).crm.associate(
        { type: typeOf(input.from.type), id: input.from.id },
        { type: typeOf(input.to.type), id: input.to.id },
        input,
      ),
    dissociate: (input: When & { portalId?: number; from: Target; to: Target }) =>
      portalOf(input).crm.dissociate(
        { type: typeOf(input.from.type), id: input.from.id },
        { type: typeOf(input.to.type), id: input.to.id },
        input,
      ),
    record: (input: Target) => {
      const { crm } = portalOf(input)
      const type = typeOf(input.type)
      const record = crm.find(type, input.id) ?? crm.find(type, input.id, true)
      return record === undefined ? undefined : view(crm, record)
    },
    defineProperty: (input: { portalId?: number; type: string; property: Partial<Property> & { name: string } }) =>
      void portalOf(input).crm.defineProperty(typeOf(input.type), input.property),
    setPipelines: (input: { portalId?: number; type: string; pipelines: Pipeline[] }) =>
      void portalOf(input).crm.pipelines.set(typeOf(input.type).name, input.pipelines),
    webhooks: (input: Partial<SenderOptions> & { subscriptions?: Subscriptions }) => {
      const { subscriptions: next, ...changed } = input
      subscriptions = next ?? subscriptions
      Object.assign(sender.options, changed)
    },
    stats: () => sender.stats(),
    attempts: () => sender.attempts,
    idle: async () => {
      await sender.idle()
      return sender.stats()
    },
    expireTokens: (input: { portalId?: number }) => tokens.expire(portalOf(input).portalId),
    revokeGrant: (input: { portalId?: number }) => tokens.revoke(portalOf(input).portalId),
    uninstall: (input: { portalId?: number }) => tokens.uninstall(portalOf(input).portalId),
    setScopes: (input: { portalId?: number; scopes: string[] }) => tokens.setScopes(portalOf(input).portalId, input.scopes),
    setClientSecret: (input: { clientSecret: string }) => {
      app.clientSecret = input.clientSecret
    },
    setRedirectUris: (input: { redirectUris: string[] }) => {
      app.redirectUris = input.redirectUris
    },
    rotateRefreshTokens: (input: { on: boolean }) => {
      tokens.rotate = input.on
    },
    tokenCounts: () => ({ ...tokens.counts }),
    setLimits: (input: { limits: Partial<Limits> | false }) => {
      limits = input.limits
      for (const portal of portals.values()) portal.limits = newLimits()
    },
    fail: (input: { status: number; path?: string; method?: string; times?: number; after?: number; retryAfter?: number }) => {
      const { status, retryAfter, ...where } = input
      const { headers, json } = usualError(status, retryAfter)
      server.misbehaviours.add({ how: 'answer', ...where, status, json, ...(headers === undefined ? {} : { headers }) })
    },
    misbehave: (rule: Misbehaviour) => server.misbehaviours.add(rule),
    behave: () => server.misbehaviours.clear(),
    requests: () => seen,
    reset: () => {
      seen = []
      sender.attempts.length = 0
    },
  }
  for (const portal of options.portals ?? []) control.addPortal(portal)
  const server = await listen({ port: options.port, handle, unhandled, commands: control satisfies Commands })
  return {
    url: server.url,
    port: server.port,
    app,
    ...control,
    close: async () => {
      await sender.close()
      await server.close()
    },
  }
}

/** Bodies of OAuth calls hold secrets and are not kept. */
function see(exchange: Exchange, portalId: number | undefined, status: number): SeenRequest {
  const { at, method, path } = exchange
  const body = path.startsWith('/oauth/') ? '' : exchange.body.toString('utf8')
  return { at, portalId, method, path, query: exchange.query.toString(), status, body }
}

function accountInfo(portal: Portal): Record<string, unknown> {
  return {
    portalId: portal.portalId,
    accountType: 'STANDARD',
    timeZone: 'Europe/Berlin',
    companyCurrency: portal.companyCurrency,
    additionalCurrencies: [],
    utcOffset: '+01:00',
    utcOffsetMilliseconds: 3_600_000,
    uiDomain: 'app.hubspot.com',
    dataHostingLocation: 'na1',
  }
}

function view(crm: Crm, record: CrmRecord): RecordView {
  return {
    id: record.id,
    createdAt: record.createdAt,
    archived: record.archived,
    properties: Object.fromEntries([...record.history.keys()].map((name) => [name, crm.value(record, name)])),
    history: Object.fromEntries(record.history),
  }
}

/** Mulberry32: the same numbers for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
