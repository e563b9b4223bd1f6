import { type Answer, type Commands, type Exchange, listen } from '../listen.ts'
import type { Misbehaviour } from '../misbehaviour.ts'
import { type GraphErrorFields, graphError, traceId } from './graph-error.ts'
import { judgeBatch } from './judge-batch.ts'
import { type Payload, readPayload } from './read-payload.ts'
import { type DatasetSummary, Received, type ReceivedEvent } from './received.ts'

export interface MetaDataset {
  id: string
  name?: string
  /** Tokens that may see and write it. */
  tokens: string[]
}
export interface MetaOptions {
  port?: number | undefined
  datasets?: MetaDataset[] | undefined
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
  status: number
  events: number
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
export interface Failure extends GraphErrorFields {
  times?: number
  after?: number
  /** Throttling only: estimated_time_to_regain_access. */
  minutes?: number
  /** Default: the events edge. */
  path?: string
}
export interface Meta {
  url: string
  port: number
  addDataset(dataset: MetaDataset): void
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
  summary(): { requests: { accepted: number; refused: number }; datasets: Record<string, DatasetSummary> }
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
  const brokenTokens = new Map<string, number | undefined>()
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
    const entry: MetaRequest = { at, version, dataset, status: 200, events: 0, tokenVia: 'none' }
    requests.push(entry)
    const answer = takeEvents()
    entry.status = answer.status
    if (answer.status !== 200) entry.error = (answer.json as { error: unknown }).error
    return answer

    function takeEvents(): Answer {
      let payload: Payload
      try {
        payload = readPayload(exchange)
      } catch {
        return graphError({ code: 100, message: 'The body is no valid JSON', transient: false })
      }
      const { fields } = payload
      entry.tokenVia = payload.tokenVia
      entry.events = Array.isArray(fields.data) ? fields.data.length : 0
      if (typeof fields.partner_agent === 'string') entry.partnerAgent = fields.partner_agent
      if (typeof fields.test_event_code === 'string') entry.testEventCode = fields.test_event_code
      const denied = judgeToken(payload.accessToken) ?? judgeAccess(dataset, payload.accessToken)
      if (denied !== undefined) return graphError(denied)
      const verdict = judgeBatch(fields, at)
      if ('refusal' in verdict) return graphError(verdict.refusal)
      for (const [index, event] of verdict.events.entries()) {
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

  function judgeToken(token: string | undefined): GraphErrorFields | undefined {
    if (token === undefined || token === '') return { code: 104, message: 'An access token is required' }
    if (brokenTokens.has(token))
      return { code: 190, subcode: brokenTokens.get(token), status: 401, message: 'The access token is no longer valid' }
    if (![...datasets.values()].some((dataset) => dataset.tokens.includes(token)))
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

  const control = {
    addDataset: (dataset: MetaDataset) => void datasets.set(dataset.id, structuredClone(dataset)),
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
      requests: {
        accepted: requests.filter((request) => request.status === 200).length,
        refused: requests.filter((request) => request.status !== 200).length,
      },
      datasets: received.summary(),
    }),
    events: (input: { dataset?: string; from?: number } = {}) =>
      received.events.slice(input.from ?? 0).filter((event) => input.dataset === undefined || event.dataset === input.dataset),
    requests: () => requests,
  }
  for (const dataset of options.datasets ?? []) control.addDataset(dataset)
  const server = await listen({ port: options.port, handle, commands: control satisfies Commands })
  return { url: server.url, port: server.port, close: server.close, ...control }
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
  const { times, after, minutes, path, ...fields } = failure
  const transient = fields.transient ?? (fields.code === 1 || fields.code === 2)
  const answer = graphError({ ...fields, transient })
  return {
    how: 'answer',
    path: path ?? '/events$',
    times,
    after,
    status: fields.status ?? usualStatus(fields.code),
    headers: { ...usageHeaders(minutes === undefined ? 0 : 100, minutes), ...fields.headers },
    json: answer.json,
  }
}
