import { type Answer, type Commands, type Exchange, listen } from '../listen.ts'
import type { Misbehaviour } from '../misbehaviour.ts'
import { busOrg } from './bus-org.ts'
import type { Entity } from './change-log.ts'
import { type LeadStatus, leadStatus, type OpportunityStage, opportunityStage } from './default-stages.ts'
import { type App, OAuth } from './oauth.ts'
import type { Field } from './objects.ts'
import { type Conversion, type Made, type Operation, Org, type OrgFacts, type OrgUser, type Row } from './org.ts'
import { type PubSub, type PubSubOptions, startPubSub } from './pubsub.ts'
import type { PubSubOrg } from './pubsub-org.ts'
import { maintenancePage, restError } from './replies.ts'
import { type RequestKind, RestApi } from './rest.ts'

export interface NewOrg extends Partial<OrgFacts> {
  /** The user who connects us. All rights by default. */
  user?: Partial<OrgUser> | undefined
  /** The refresh token to hand out; random by default. */
  refreshToken?: string | undefined
}
export interface SalesforceOptions {
  port?: number | undefined
  app?: Partial<App> | undefined
  orgs?: NewOrg[] | undefined
  /** How long access tokens live, milliseconds. Two hours by default. */
  sessionMs?: number | undefined
  /** How long a refresh takes, milliseconds; another one meanwhile is refused. */
  refreshMs?: number | undefined
  /** The clock of the orgs, milliseconds. */
  clock?: (() => number) | undefined
  /** The event bus. */
  pubsub?: Omit<PubSubOptions, 'org'> | undefined
}
/** A request as it was answered. */
export interface SeenRequest {
  at: number
  orgId: string | undefined
  kind: RequestKind
  method: string
  path: string
  /** The question of a query, else the whole query of the address. */
  query: string
  /** 0: never answered. */
  status: number
  /** The request met this misbehaviour instead of the service. */
  misbehaved?: Misbehaviour['how']
}
export type RequestCounts = Partial<Record<RequestKind, number>>
/** The first org unless another is named. */
interface InOrg {
  orgId?: string
}

export type Salesforce = Awaited<ReturnType<typeof startSalesforce>>

export const demoApp: App = {
  clientId: '3MVG9demo.consumer.key',
  clientSecret: 'DEMO0CONSUMER0SECRET',
  redirectUris: ['https://capi.example.com/oauth/callback'],
}
/** A request's address may have so many bytes; above that the real service answers 414. */
const MOST_ADDRESS_BYTES = 16_384

/**
 * Starts a stand-in for Salesforce: orgs with users and records, OAuth with its consent page, the REST API with its refusals and
 * limits, all at one address, and the event bus at another. What it offers beside its protocols are commands, in process or over HTTP;
 * those of the event bus are called `pubsub.…` there.
 */
export async function startSalesforce(options: SalesforceOptions = {}) {
  let clockOffset = 0
  const machine = options.clock ?? Date.now
  const clock = () => machine() + clockOffset
  const app: App = { ...demoApp, ...options.app }
  const orgs = new Map<string, Org>()
  const onBus = new Map<string, PubSubOrg>()
  /** The user who connects us, by org. */
  const connecting = new Map<string, string>()
  // What an approval opened ends with it.
  const left = ({ id }: Org) => void (onBus.has(id) && pubsub.end({ orgId: id, how: 'service.auth.error' }))
  const oauth = new OAuth({ app, clock, sessionMs: options.sessionMs ?? 7_200_000, refreshMs: options.refreshMs ?? 10, left }, orgs)
  const session = (token: string) => oauth.session(token)
  const rest = new RestApi(session, (of) => oauth.idUrl(of))
  let seen: SeenRequest[] = []
  let counts = new Map<string, RequestCounts>()
  let orgsMade = 0

  async function handle(exchange: Exchange): Promise<Answer> {
    if (exchange.target.length > MOST_ADDRESS_BYTES) return { status: 414, text: 'URI Too Long' }
    const { answer, kind, org } = await route(exchange)
    see(exchange, kind, org?.id, answer.status)
    return answer
  }

  async function route(exchange: Exchange): Promise<{ answer: Answer; kind: RequestKind; org?: Org }> {
    const { path } = exchange
    if (/^\/services\/data(\/|$)/.test(path)) return rest.answer(exchange)
    const form = () => new URLSearchParams(exchange.body.toString('utf8'))
    switch (`${exchange.method} ${path}`) {
      case 'GET /services/oauth2/authorize':
        return { answer: oauth.authorizePage(exchange.query), kind: 'consent' }
      case 'POST /setup/secur/RemoteAccessAuthorizationPage.apexp':
        return { answer: oauth.decide(form()), kind: 'consent' }
      case 'POST /services/oauth2/token':
        return { answer: await oauth.token(form()), kind: 'token' }
      case 'POST /services/oauth2/revoke':
        return { answer: oauth.revokeByForm(form()), kind: 'token' }
    }
    const token = /^Bearer (.+)$/i.exec(exchange.headers.authorization ?? '')?.[1] ?? ''
    if (path.startsWith('/id/')) return { answer: oauth.identity(path, token), kind: 'identity' }
    return { answer: restError(404, 'NOT_FOUND', 'The requested resource does not exist'), kind: 'unknown' }
  }

  function see(exchange: Exchange, kind: RequestKind, orgId: string | undefined, status: number, how?: Misbehaviour['how']): void {
    const { at, method, path, query } = exchange
    seen.push({ at, orgId, kind, method, path, query: query.get('q') ?? query.toString(), status, ...(how && { misbehaved: how }) })
    const own = counts.get(orgId ?? '') ?? {}
    own[kind] = (own[kind] ?? 0) + 1
    counts.set(orgId ?? '', own)
  }

  const orgOf = ({ orgId }: InOrg): Org => {
    const org = orgId === undefined ? orgs.values().next().value : orgs.get(orgId)
    if (org === undefined) throw new Error(`no org ${orgId}`)
    return org
  }
  const userOf = (org: Org, userId: string | undefined): OrgUser => org.user(userId ?? connecting.get(org.id))

  const commands = {
    /** Where things are: the REST API and OAuth, and the event bus. */
    addresses: () => ({ url: server.url, streamUrl: pubsub.url }),
    /** A new org with the app installed, and a user who has approved it. */
    addOrg: ({ user: given = {}, refreshToken, ...facts }: NewOrg = {}) => {
      orgsMade += 1
      const org = new Org({ ...facts, number: orgsMade, clock })
      const user = org.addUser({ username: `integration@org${orgsMade}.example.com`, ...given })
      orgs.set(org.id, org)
      onBus.set(org.id, busOrg(org, session))
      connecting.set(org.id, user.id)
      return { orgId: org.id, userId: user.id, ...oauth.grant(org, user.id, refreshToken) }
    },
    /** The org is locked: nothing works any more. */
    removeOrg: (input: InOrg) => {
      const org = orgOf(input)
      left(org)
      orgs.delete(org.id)
      onBus.delete(org.id)
    },
    setFacts: ({ orgId, ...facts }: InOrg & Partial<OrgFacts>) => {
      const org = orgOf({ orgId })
      Object.assign(org.facts, facts)
      org.deliveries.max = org.facts.dailyDeliveries
    },
    /** The package goes, with its channel, its fields and all approvals. */
    uninstall: (input: InOrg) => {
      const org = orgOf(input)
      org.facts.packageInstalled = false
      for (const object of ['Lead', 'Opportunity']) org.removeField(object, 'Meta_Lead_ID__c')
      oauth.revoke(org)
    },
    addUser: ({ orgId, ...user }: InOrg & Partial<OrgUser>) => ({ userId: orgOf({ orgId }).addUser(user).id }),
    /** Rights of a user; of the one who connects us unless another is named. */
    setUser: ({ orgId, userId, ...rights }: InOrg & { userId?: string } & Partial<OrgUser>) => {
      const org = orgOf({ orgId })
      Object.assign(userOf(org, userId), rights)
      if (rights.active === false) left(org)
    },
    addField: ({ orgId, object, field }: InOrg & { object: string; field: Partial<Field> & { name: string } }) =>
      orgOf({ orgId }).addFields(object, [field]),
    addFields: ({ orgId, object, fields }: InOrg & { object: string; fields: (Partial<Field> & { name: string })[] }) =>
      orgOf({ orgId }).addFields(object, fields),
    removeField: ({ orgId, object, name }: InOrg & { object: string; name: string }) => orgOf({ orgId }).removeField(object, name),
    track: ({ orgId, object, field, on = true }: InOrg & { object: Entity; field: string; on?: boolean }) =>
      orgOf({ orgId }).track(object, field, on),
    setStages: (
      input: InOrg & { leadStatuses?: Parameters<typeof leadStatus>[0][]; stages?: Parameters<typeof opportunityStage>[0][] },
    ) => {
      const org = orgOf(input)
      const numbered = <Stage extends object>(stage: Stage, index: number) => ({ SortOrder: index + 1, ...stage })
      if (input.leadStatuses) org.leadStatuses = input.leadStatuses.map(numbered).map(leadStatus)
      if (input.stages) org.stages = input.stages.map(numbered).map(opportunityStage)
    },
    stages: (input: InOrg): { leadStatuses: LeadStatus[]; stages: OpportunityStage[] } => {
      const { leadStatuses, stages } = orgOf(input)
      return { leadStatuses, stages }
    },

    /** Records are made, each in a transaction of its own. */
    insert: ({ orgId, object, records, ...made }: InOrg & Made & { object: string; records: Row[] }) => ({
      ids: orgOf({ orgId }).insert(object, records, made),
    }),
    /** Records, named by `Id`, are changed, each in a transaction of its own. */
    update: ({ orgId, object, records, ...made }: InOrg & Made & { object: string; records: Row[] }) =>
      orgOf({ orgId }).update(object, records, made),
    /** Several steps in one transaction. */
    transact: ({ orgId, operations, ...made }: InOrg & Made & { operations: Operation[] }) => ({
      ids: orgOf({ orgId }).transact(operations, made),
    }),
    convert: ({ orgId, at, by, client, told, ...conversion }: InOrg & Made & Conversion) =>
      orgOf({ orgId }).convert(conversion, { at, by, client, told }),
    delete: ({ orgId, object, ids, ...made }: InOrg & Made & { object: string; ids: string[] }) =>
      orgOf({ orgId }).delete(object, ids, made),
    undelete: ({ orgId, object, ids, ...made }: InOrg & Made & { object: string; ids: string[] }) =>
      orgOf({ orgId }).undelete(object, ids, made),
    purge: ({ orgId, object, ids }: InOrg & { object: string; ids: string[] }) => orgOf({ orgId }).purge(object, ids),
    merge: ({
      orgId,
      object = 'Lead',
      master,
      losers,
      ...made
    }: InOrg & Made & { object?: 'Lead' | 'Contact'; master: string; losers: string[]; fields?: Row }) =>
      orgOf({ orgId }).merge(object, master, losers, made),
    renameStage: ({ orgId, object, from, to, ...made }: InOrg & Made & { object: Entity; from: string; to: string }) =>
      orgOf({ orgId }).renameStage(object, from, to, made),
    record: ({ orgId, object, id }: InOrg & { object: string; id: string }) => orgOf({ orgId }).table(object).get(id),
    records: ({ orgId, object }: InOrg & { object: string }) => [...orgOf({ orgId }).table(object).values()],

    /** One more approval of a user, without a browser. */
    grant: ({ orgId, userId, refreshToken }: InOrg & { userId?: string; refreshToken?: string }) => {
      const org = orgOf({ orgId })
      return oauth.grant(org, userOf(org, userId).id, refreshToken)
    },
    accessToken: ({ refreshToken }: { refreshToken: string }) => ({ accessToken: oauth.issue(refreshToken) }),
    /** All access tokens of the org end, as if their time were up. */
    expireTokens: (input: InOrg) => oauth.expire(orgOf(input)),
    /** All approvals of the org are withdrawn. */
    revokeGrants: (input: InOrg) => oauth.revoke(orgOf(input)),
    rotateRefreshTokens: ({ on }: { on: boolean }) => {
      oauth.rotate = on
    },
    setRefreshTime: ({ ms }: { ms: number }) => {
      oauth.options.refreshMs = ms
    },
    tokenCounts: () => ({ ...oauth.counts }),
    setClientSecret: ({ clientSecret }: { clientSecret: string }) => {
      app.clientSecret = clientSecret
    },
    /** Where consent may lead back to. */
    setRedirectUris: ({ redirectUris }: { redirectUris: string[] }) => {
      app.redirectUris = redirectUris
    },

    /** Counts against the daily limit of API requests, as other software of the org uses them up. */
    setRequestsUsed: ({ orgId, used }: InOrg & { used: number }) => {
      orgOf({ orgId }).requestsUsed = used
    },
    /** The same for events delivered to subscribers. */
    setDeliveriesUsed: ({ orgId, used }: InOrg & { used: number }) => {
      orgOf({ orgId }).deliveries.used = used
    },
    setClock: ({ offsetMs }: { offsetMs: number }) => {
      clockOffset = offsetMs
    },
    /** The usual answer with this status for the next matching requests: an error of the REST API, a page from 500 on. */
    fail: ({
      status,
      errorCode = 'UNKNOWN_EXCEPTION',
      ...where
    }: Pick<Misbehaviour, 'method' | 'path' | 'times' | 'after'> & { status: number; errorCode?: string }) => {
      const { json } = restError(status, errorCode, 'asked for')
      const body = status >= 500 ? { headers: { 'content-type': 'text/html' }, text: maintenancePage } : { json }
      server.misbehaviours.add({ how: 'answer', ...where, status, ...body })
    },
    misbehave: (rule: Misbehaviour) => server.misbehaviours.add(rule),
    behave: () => server.misbehaviours.clear(),
    requests: () => seen,
    /** How many requests of each kind came: of one org, or of all. */
    counts: ({ orgId }: InOrg = {}): RequestCounts => {
      const total: RequestCounts = {}
      for (const [id, own] of counts)
        if (orgId === undefined || orgId === id)
          for (const [kind, count] of Object.entries(own) as [RequestKind, number][]) total[kind] = (total[kind] ?? 0) + count
      return total
    },
    /** Forgets requests and their counts; records stay. */
    reset: () => {
      seen = []
      counts = new Map()
    },
  }

  const pubsub = await startPubSub({ ...options.pubsub, org: (id) => onBus.get(id) })
  const { port: _port, url: _url, close: closeBus, ...busCommands } = pubsub
  const server = await listen({
    port: options.port,
    maxHeaderBytes: 4 * MOST_ADDRESS_BYTES,
    handle,
    unhandled: (exchange, { how, status }) => see(exchange, 'unknown', undefined, how === 'answer' ? (status ?? 500) : 0, how),
    commands: { ...commands, ...prefixed(busCommands) } satisfies Commands,
  })
  oauth.url = server.url
  for (const org of options.orgs ?? []) commands.addOrg(org)
  return {
    url: server.url,
    port: server.port,
    streamUrl: pubsub.url,
    app,
    pubsub,
    ...commands,
    /** For what no command does: the org itself. */
    org: (orgId?: string): Org => orgOf({ orgId }),
    close: async () => {
      await closeBus()
      await server.close()
    },
  }
}

const prefixed = (commands: Omit<PubSub, 'port' | 'url' | 'close'>): Commands =>
  Object.fromEntries(Object.entries(commands).map(([name, command]) => [`pubsub.${name}`, command]))
