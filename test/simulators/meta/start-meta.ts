import { type Answer, type Commands, type Exchange, listen } from '../listen.ts'
import type { Misbehaviour } from '../misbehaviour.ts'
import { BusinessExtension } from './business-extension.ts'
import { type GraphErrorFields, graphError, traceId } from './graph-error.ts'
import { type JudgedEvent, judgeBatch } from './judge-batch.ts'
import { demoPagesApp, type LeadAds, openLeadAds } from './lead-ads/lead-ads.ts'
import { Login, type MetaAppOptions } from './login.ts'
import { type Payload, readPayload } from './read-payload.ts'
import { type DatasetSummary, Received, type ReceivedEvent } from './received.ts'

export interface MetaDataset {
  id: string
  name?: string
  /** Tokens that may see and write it. */
  tokens: string[]
  /** Those of them that may write only: they lack `ads_read`. */
  writeOnly?: string[]
}
export interface MetaOptions {
  port?: number | undefined
  datasets?: MetaDataset[] | undefined
  /** Our app; without it nobody can sign in, and proofs are not looked at. */
  app?: MetaAppOptions | undefined
  /** Milliseconds; `Date.now` by default. Decides what is too old or in the future. */
  clock?: (() => number) | undefined
  /** Keep every event's body; off saves memory in benchmarks. Default true. */
  keepBodies?: boolean | undefined
}
/** One call of `/events`, taken or not. */
export interface MetaRequest {
  at: number
  version: string
  dataset: string
  /** `misbehaved`: the call met a misbehaviour or failure instead of the rules. */
  outcome: 'accepted' | 'refused' | 'misbehaved'
  /** 0: never answered. */
  status: number
  events: number
  /** The event ids that were sent, in order. */
  eventIds: unknown[]
  tokenVia: Payload['tokenVia']
  partnerAgent?: string | undefined
  testEventCode?: string | undefined
  error?: unknown
}
/** A batch that holds such an event is refused as a whole. */
export interface Poison {
  eventId?: string
  leadId?: string
  eventName?: string
  code?: number
  subcode?: number
  title?: string
}
/** A Graph error to answer the next calls of `/events` with. */
export interface Failure extends GraphErrorFields, Pick<Misbehaviour, 'times' | 'after' | 'held'> {
  /** Throttling only: estimated_time_to_regain_access. */
  minutes?: number
  /** Default: the events edge. */
  path?: string
}
export interface Meta {
  url: string
  /** The app that reads leads: the one of the options, or one of the stand-in's own. */
  pagesApp: { id: string; secret: string }
  /** Pages, their instant forms and leads; as control commands without the prefix. */
  leadAds: LeadAds['commands']
  port: number
  addDataset(dataset: MetaDataset): void
  /**
   * Tells which leads exist and when they were generated (milliseconds). From the first one on, a batch with another lead id
   * is refused, and an event before its lead's generation is taken and not counted.
   */
  addLead(lead: { id: string; generatedAt: number }): void
  /** Makes a token fail from now on with code 190 and this subcode (463 expired, 460 password changed, 458 app removed). */
  breakToken(input: { token: string; subcode?: number }): void
  mendToken(input: { token: string }): void
  fail(failure: Failure): void
  misbehave(rule: Misbehaviour): void
  poison(rule: Poison): void
  /** Percentages told in the usage headers of every answer. */
  usage(input: { callCount: number }): void
  /** Ends all misbehaviour, failures, poison and broken tokens; what was received stays. */
  behave(): void
  /** Forgets what was received. */
  reset(): void
  summary(): { requests: Record<MetaRequest['outcome'], number>; datasets: Record<string, DatasetSummary> }
  events(input?: { dataset?: string; from?: number }): ReceivedEvent[]
  requests(): MetaRequest[]
  close(): Promise<void>
}

/** Graph versions with the day they stop working (Graph API changelog). */
const versions: Record<string, string | undefined> = {
  'v20.0': '2026-09-24',
  'v21.0': '2027-01-21',
  'v22.0': '2027-05-20',
  'v23.0': '2027-10-08',
  'v24.0': '2028-02-18',
  'v25.0': '2028-07-29',
  'v26.0': '2999-01-01',
}

/**
 * Starts a stand-in for the Graph API's conversions endpoint that enforces the documented rules and judges what arrives:
 * what came, what came twice, what does not count, what came out of order.
 */
export async function startMeta(options: MetaOptions = {}): Promise<Meta> {
  const clock = options.clock ?? Date.now
  const datasets = new Map<string, MetaDataset>()
  const leads = new Map<string, number>()
  const brokenTokens = new Map<string, number | undefined>()
  const login = options.app && new Login(options.app, datasets)
  const extension = options.app?.extension && login ? new BusinessExtension(options.app, login, datasets) : undefined
  const pagesApp = options.app ?? demoPagesApp
  const leadAds = openLeadAds(pagesApp, clock, (lead) => void leads.set(lead.id, lead.generatedAt))
  let received = new Received()
  let requests: MetaRequest[] = []
  let poisons: Poison[] = []
  let callCount = 0

  function handle(exchange: Exchange, short: Misbehaviour | undefined): Answer {
    const answer = route(exchange, short)
    return { ...answer, headers: { ...usageHeaders(callCount), ...answer.headers } }
  }

  function route(exchange: Exchange, short: Misbehaviour | undefined): Answer {
    const parts = exchange.path.split('/').filter((part) => part !== '')
    if (parts.at(-1) === 'debug_token' && exchange.method === 'GET') return debugToken(exchange)
    const [version = '', dataset = '', edge] = parts
    const refusal = judgeVersion(version)
    if (refusal !== undefined) return graphError(refusal)
    const ofLeads = leadAds.route(exchange, parts.slice(1))
    if (ofLeads !== undefined) return ofLeads
    if (login !== undefined && dataset === 'dialog' && edge === 'oauth')
      return exchange.query.has('extras') && extension ? extension.dialog(exchange) : login.dialog(exchange)
    if (login !== undefined && dataset === 'oauth' && edge === 'access_token') return login.token(exchange)
    const unproven = login?.judgeProof(tryPayload(exchange)?.accessToken, exchange.query.get('appsecret_proof'))
    if (unproven !== undefined) return graphError(unproven)
    const ofExtension = extension?.handle(exchange, parts.slice(1), tryPayload(exchange))
    if (ofExtension) return ofExtension
    if (exchange.method === 'POST' && edge === 'events' && parts.length === 3) return postEvents(exchange, version, dataset, short)
    if (exchange.method === 'GET' && parts.length === 2) return getDataset(exchange, dataset)
    return graphError({ code: 2500, message: 'Unknown path components' })
  }

  function judgeVersion(version: string): GraphErrorFields | undefined {
    const until = versions[version]
    if (until === undefined) return { code: 2500, message: 'Unknown path components: no such version' }
    if (clock() >= Date.parse(until)) return { code: 2635, message: 'This version of the API has ended', transient: false }
    return undefined
  }

  function postEvents(exchange: Exchange, version: string, dataset: string, short: Misbehaviour | undefined): Answer {
    const at = clock()
    const request = requests.length
    const payload = tryPayload(exchange)
    const entry = enter(version, dataset, payload)
    const answer =
      payload === undefined ? graphError({ code: 100, message: 'The body is no valid JSON', transient: false }) : judge(payload)
    entry.status = answer.status
    entry.outcome = answer.status === 200 ? 'accepted' : 'refused'
    if (answer.status !== 200) entry.error = (answer.json as { error: unknown }).error
    return answer

    function judge({ fields, accessToken }: Payload): Answer {
      const denied = judgeToken(accessToken) ?? judgeAccess(dataset, accessToken)
      if (denied !== undefined) return graphError(denied)
      const verdict = judgeBatch(fields, at)
      if ('refusal' in verdict) return graphError(verdict.refusal)
      for (const [index, event] of verdict.events.entries()) {
        const stranger = judgeLead(event, index)
        if (stranger !== undefined) return graphError(stranger)
        const poison = poisons.find((rule) => isPoisoned(rule, event.eventId, event.leadId, event.eventName))
        if (poison === undefined) continue
        const title = poison.title ?? 'Invalid parameter'
        return graphError({
          code: poison.code ?? 100,
          subcode: poison.subcode,
          title,
          text: title,
          transient: false,
          blame: [['data', index]],
        })
      }
      const kept = verdict.events.slice(0, verdict.events.length - (short === undefined ? 0 : (short.lose ?? 1)))
      for (const [index, event] of kept.entries())
        received.add(dataset, options.keepBodies === false ? { ...event, body: {} } : event, at, request, index)
      return { status: 200, json: { events_received: kept.length, messages: [], fbtrace_id: traceId() } }
    }
  }

  function enter(version: string, dataset: string, payload: Payload | undefined): MetaRequest {
    const data = Array.isArray(payload?.fields.data) ? payload.fields.data : []
    const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
    const entry: MetaRequest = {
      at: clock(),
      version,
      dataset,
      outcome: 'misbehaved',
      status: 0,
      events: data.length,
      eventIds: data.map((event) => event?.event_id),
      tokenVia: payload?.tokenVia ?? 'none',
      partnerAgent: text(payload?.fields.partner_agent),
      testEventCode: text(payload?.fields.test_event_code),
    }
    requests.push(entry)
    return entry
  }

  function unhandled(exchange: Exchange, rule: Misbehaviour): void {
    const [version = '', dataset = '', edge] = exchange.path.split('/').filter((part) => part !== '')
    if (edge === 'events') enter(version, dataset, tryPayload(exchange)).status = rule.how === 'answer' ? (rule.status ?? 500) : 0
  }

  /** Meta rejects an invalid lead id and may discard what is dated before the lead (payload specification). Seconds count. */
  function judgeLead(event: JudgedEvent, index: number): GraphErrorFields | undefined {
    if (leads.size === 0 || event.leadId === undefined) return undefined
    const generatedAt = leads.get(event.leadId)
    if (generatedAt === undefined)
      return { code: 100, title: 'Invalid parameter', text: 'there is no such lead', blame: [['data', index, 'user_data', 'lead_id']] }
    if (event.eventTime < Math.floor(generatedAt / 1000)) event.notCounted.push('event_time lies before the lead')
    return undefined
  }

  function judgeToken(token: string | undefined): GraphErrorFields | undefined {
    if (token === undefined || token === '') return { code: 104, message: 'An access token is required' }
    if (brokenTokens.has(token))
      return { code: 190, subcode: brokenTokens.get(token), status: 401, message: 'The access token is no longer valid' }
    if (!login?.knows(token) && ![...datasets.values()].some((dataset) => dataset.tokens.includes(token)))
      return { code: 190, status: 401, message: 'The access token cannot be read' }
    return undefined
  }

  function judgeAccess(dataset: string, token: string | undefined): GraphErrorFields | undefined {
    if (datasets.get(dataset)?.tokens.includes(token ?? '')) return undefined
    return { code: 100, subcode: 33, type: 'GraphMethodException', message: 'The object does not exist or this token cannot see it' }
  }

  function getDataset(exchange: Exchange, id: string): Answer {
    const { accessToken } = readPayload(exchange)
    const denied = judgeToken(accessToken) ?? judgeAccess(id, accessToken)
    if (denied !== undefined) return graphError(denied)
    if (datasets.get(id)?.writeOnly?.includes(accessToken ?? ''))
      return graphError({ code: 200, status: 403, message: 'Requires ads_read permission to view the object' })
    const fields = (exchange.query.get('fields') ?? 'id').split(',')
    const known: Record<string, string> = { id, name: datasets.get(id)?.name ?? `Dataset ${id}` }
    const unknown = fields.find((field) => known[field] === undefined)
    if (unknown !== undefined) return graphError({ code: 100, message: 'Tried accessing a field that does not exist' })
    return { status: 200, json: Object.fromEntries([...new Set(['id', ...fields])].map((field) => [field, known[field]])) }
  }

  function debugToken(exchange: Exchange): Answer {
    const { accessToken } = readPayload(exchange)
    const denied = accessToken?.includes('|') ? undefined : judgeToken(accessToken)
    if (denied !== undefined) return graphError(denied)
    const broken = judgeToken(exchange.query.get('input_token') ?? undefined)
    if (broken !== undefined)
      return {
        status: 200,
        json: { data: { is_valid: false, error: { code: broken.code, subcode: broken.subcode, message: broken.message } } },
      }
    return { status: 200, json: { data: { app_id: '1', type: 'SYSTEM_USER', is_valid: true, expires_at: 0, scopes: ['ads_management'] } } }
  }

  function count(outcome: MetaRequest['outcome']): number {
    return requests.filter((request) => request.outcome === outcome).length
  }

  const control = {
    addDataset: (dataset: MetaDataset) => void datasets.set(dataset.id, structuredClone(dataset)),
    addLead: (lead: { id: string; generatedAt: number }) => void leads.set(lead.id, lead.generatedAt),
    breakToken: ({ token, subcode }: { token: string; subcode?: number }) => void brokenTokens.set(token, subcode),
    mendToken: ({ token }: { token: string }) => void brokenTokens.delete(token),
    fail: (failure: Failure) => server.misbehaviours.add(failureAnswer(failure)),
    misbehave: (rule: Misbehaviour) => server.misbehaviours.add(rule),
    poison: (rule: Poison) => void poisons.push(rule),
    usage: (input: { callCount: number }) => {
      callCount = input.callCount
    },
    behave: () => {
      server.misbehaviours.clear()
      brokenTokens.clear()
      poisons = []
      callCount = 0
    },
    reset: () => {
      received = new Received()
      requests = []
    },
    summary: () => ({
      requests: { accepted: count('accepted'), refused: count('refused'), misbehaved: count('misbehaved') },
      datasets: received.summary(),
    }),
    events: (input: { dataset?: string; from?: number } = {}) =>
      received.events.slice(input.from ?? 0).filter((event) => input.dataset === undefined || event.dataset === input.dataset),
    requests: () => requests,
  }
  for (const dataset of options.datasets ?? []) control.addDataset(dataset)
  const server = await listen({ port: options.port, handle, unhandled, commands: { ...leadAds.commands, ...control } satisfies Commands })
  const close = async () => {
    await leadAds.close()
    await server.close()
  }
  return { url: server.url, port: server.port, close, pagesApp, leadAds: leadAds.commands, ...control }
}

function tryPayload(exchange: Exchange): Payload | undefined {
  try {
    return readPayload(exchange)
  } catch {
    return undefined
  }
}

function isPoisoned(rule: Poison, eventId: string | undefined, leadId: string | undefined, eventName: string): boolean {
  return (
    (rule.eventId !== undefined && rule.eventId === eventId) ||
    (rule.leadId !== undefined && rule.leadId === leadId) ||
    (rule.eventName !== undefined && rule.eventName === eventName)
  )
}

/** Percentages of the hourly budget; the second header is keyed by business, its waiting time is in minutes (rate limiting). */
function usageHeaders(callCount: number, minutes = 0): Record<string, string> {
  const usage = { call_count: callCount, total_cputime: 0, total_time: 0 }
  return {
    'x-app-usage': JSON.stringify(usage),
    'x-business-use-case-usage': JSON.stringify({
      '1000000001': [
        { type: 'ads_management', ...usage, estimated_time_to_regain_access: minutes, ads_api_access_tier: 'standard_access' },
      ],
    }),
  }
}

/** HTTP status as seen with each kind of error: throttling comes as 400, a bad token as 401, server trouble as 500. */
function usualStatus(code: number): number {
  if (code === 190) return 401
  if (code === 10 || (code >= 200 && code < 300)) return 403
  return code === 1 || code === 2 ? 500 : 400
}

function failureAnswer(failure: Failure): Misbehaviour {
  const { times, after, held, minutes, path, ...fields } = failure
  const transient = fields.transient ?? (fields.code === 1 || fields.code === 2)
  const answer = graphError({ ...fields, transient })
  return {
    how: 'answer',
    path: path ?? '/events$',
    times,
    after,
    held,
    status: fields.status ?? usualStatus(fields.code),
    headers: { ...usageHeaders(minutes === undefined ? 0 : 100, minutes), ...fields.headers },
    json: answer.json,
  }
}
