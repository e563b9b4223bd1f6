import { Readable } from 'node:stream'
import type { BaseLogger } from 'pino'
import { Agent, request } from 'undici'
import { appSecretProof } from '../../connectors/graph/app-secret-proof.ts'
import { classifyGraphError, type GraphAnswer, type GraphError } from '../../connectors/graph/errors.ts'
import { type ResponseHeaders, readUsage, type Usage } from '../../connectors/graph/usage.ts'
import { parseJson } from '../../connectors/parse-json.ts'
import { serialiseRequest } from '../../mappings/serialise.ts'
import { networkReason } from '../connections/network-reason.ts'

export interface GraphClientOptions {
  /** Origin of the Graph API. */
  baseUrl: string
  /** Graph version, `v26.0`. */
  version: string
  /** For a whole exchange, from connecting to the last byte of the answer. */
  timeoutMs: number
  /** Our agreed identifier, fewer than 23 characters; left out when not set. */
  partnerAgent?: string
  log: Pick<BaseLogger, 'warn'>
}

export interface SendOptions {
  /** Shows the events in Events Manager's test view; they count all the same. */
  testEventCode?: string
  /** Secret of the app that the token belongs to; not known for tokens made in Events Manager. */
  appSecret?: string
}

interface Counted {
  sent: number
  /** Meta's warnings; it took the events all the same. */
  messages: string[]
  fbtraceId?: string
  usage: Usage
}
export type Refused = { kind: 'refused'; error: GraphError; usage: Usage }
/** No answer. `bodySent`: the request may have been handled, so that sending it again may count twice. */
export type Silent = { kind: 'silent'; bodySent: boolean; reason: string }
export type SendResult =
  | ({ kind: 'accepted'; received: number } & Counted)
  /** A success that tells of fewer events than were sent, or of no number; which were lost Meta does not say. */
  | ({ kind: 'short'; received?: number } & Counted)
  | Refused
  | Silent
export type ProbeResult = { kind: 'found'; id: string; name?: string } | Refused | Silent
/** Integers beyond 2^53 are text in it. */
export type AskResult = { kind: 'answered'; body: Record<string, unknown> } | Refused | Silent

export interface GraphRequest {
  method: 'GET' | 'POST' | 'DELETE'
  /** Below the version. */
  path: string
  query?: Record<string, string>
  json?: Record<string, unknown>
}

export interface GraphClient {
  /**
   * Posts conversion events to a dataset in one request.
   *
   * @param events each event's JSON; 1 to 1,000 of them (Conversions API, using the API)
   * @returns what came of it; never throws for anything that Meta or the network does
   */
  sendEvents(metaDatasetId: string, token: string, events: readonly string[], options?: SendOptions): Promise<SendResult>
  /** Asks for the dataset's name: whether it exists and the token may see it. */
  probeDataset(metaDatasetId: string, token: string, options?: Pick<SendOptions, 'appSecret'>): Promise<ProbeResult>
  /** Asks anything else in the name of a token. The body of a success is as it came: it may hold another token. */
  ask(request: GraphRequest, token: string, options?: Pick<SendOptions, 'appSecret'>): Promise<AskResult>
  close(): Promise<void>
}

interface Call {
  /** GET without a body, POST with one, where it is not said. */
  method?: GraphRequest['method']
  path: string
  token: string
  appSecret: string | undefined
  query?: Record<string, string> | undefined
  /** JSON. */
  body?: string | undefined
}

const ANSWER_LIMIT_BYTES = 1_000_000

/**
 * Speaks with Meta's Graph API. The token travels in the `Authorization` header and nowhere else: it is in no URL, and is
 * cut out of any answer that repeats it.
 */
export function createGraphClient({ baseUrl, version, timeoutMs, partnerAgent, log }: GraphClientOptions): GraphClient {
  const agent = new Agent({
    connect: { timeout: timeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: ANSWER_LIMIT_BYTES,
  })
  let lastWarning: string | undefined

  async function exchange({ method, path, token, appSecret, query, body }: Call): Promise<GraphAnswer | Silent> {
    const sending = watched(body ?? '')
    try {
      const answer = await request(`${baseUrl}/${version}/${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        query: { ...query, ...(appSecret !== undefined && { appsecret_proof: appSecretProof(appSecret, token) }) },
        dispatcher: agent,
        // The agent's time-outs run between two signs of life; this one ends an exchange that trickles.
        signal: AbortSignal.timeout(timeoutMs),
        headers: { authorization: `Bearer ${token}`, ...(body !== undefined && sending.headers) },
        ...(body !== undefined && { body: sending.stream }),
      })
      const text = await answer.body.text()
      warnOfVersion(answer.headers)
      return { status: answer.statusCode, headers: answer.headers, text: withoutOwn(text, token) }
    } catch (error) {
      return { kind: 'silent', bodySent: sending.begun(), reason: networkReason(error) }
    }
  }

  /** A version that has ended may be lifted to the next one, which this header announces (Marketing API versioning). */
  function warnOfVersion(headers: ResponseHeaders): void {
    const warning = headers['x-ad-api-version-warning']?.toString()
    if (warning === undefined || warning === lastWarning) return
    lastWarning = warning
    log.warn({ version, warning: warning.slice(0, 500) }, 'Meta warns of the Graph API version in use')
  }

  return {
    async sendEvents(metaDatasetId, token, events, { testEventCode, appSecret } = {}) {
      const body = serialiseRequest(events, { partnerAgent, testEventCode })
      const answer = await exchange({ path: `${encodeURIComponent(metaDatasetId)}/events`, token, appSecret, body })
      return 'kind' in answer ? answer : readSendAnswer(answer, events.length)
    },

    async probeDataset(metaDatasetId, token, { appSecret } = {}) {
      const answer = await exchange({ path: encodeURIComponent(metaDatasetId), token, appSecret, query: { fields: 'id,name' } })
      if ('kind' in answer) return answer
      const { id, name } = successBody(answer) ?? {}
      if (typeof id !== 'string') return refusal(answer)
      return { kind: 'found', id, ...(typeof name === 'string' && { name }) }
    },

    async ask({ method, path, query, json }, token, { appSecret } = {}) {
      const answer = await exchange({ method, path, token, appSecret, query, body: json && JSON.stringify(json) })
      if ('kind' in answer) return answer
      const body = successBody(answer)
      return body === undefined ? refusal(answer) : { kind: 'answered', body }
    },

    close: () => agent.close(),
  }
}

/** A body that knows whether it has begun to leave: undici asks for it only once a connection stands. */
function watched(body: string) {
  const bytes = Buffer.from(body)
  let begun = false
  const stream = new Readable({
    read() {
      begun = true
      this.push(bytes)
      this.push(null)
    },
  })
  const headers = { 'content-type': 'application/json', 'content-length': String(bytes.length) }
  return { stream, headers, begun: () => begun }
}

function readSendAnswer(answer: GraphAnswer, sent: number): SendResult {
  const body = successBody(answer)
  if (body === undefined) return refusal(answer)
  const received = body.events_received
  const counted: Counted = {
    sent,
    messages: Array.isArray(body.messages) ? body.messages.filter((message) => typeof message === 'string').map(withoutTokens) : [],
    ...(typeof body.fbtrace_id === 'string' && { fbtraceId: body.fbtrace_id }),
    usage: readUsage(answer.headers),
  }
  if (typeof received !== 'number') return { kind: 'short', ...counted }
  return { kind: received < sent ? 'short' : 'accepted', received, ...counted }
}

/**
 * The body of a success, `{}` where it is empty or was cut. A success with an error in it is none, and a page of HTML does
 * not come from the Graph API, whatever its status.
 */
function successBody({ status, text }: GraphAnswer): Record<string, unknown> | undefined {
  if (status < 200 || status >= 300) return undefined
  const trimmed = text.trim()
  if (trimmed !== '' && !trimmed.startsWith('{')) return undefined
  try {
    const body = parseJson(trimmed) as Record<string, unknown>
    return 'error' in body ? undefined : body
  } catch {
    return {}
  }
}

function refusal(answer: GraphAnswer): Refused {
  return { kind: 'refused', error: classifyGraphError({ ...answer, text: withoutTokens(answer.text) }), usage: readUsage(answer.headers) }
}

/** Meta repeats a malformed token in its error text. */
const withoutOwn = (text: string, token: string): string => (token === '' ? text : text.replaceAll(token, '[token]'))

const withoutTokens = (text: string): string => text.replace(/\bEAA[A-Za-z0-9]{12,}/g, '[token]')
