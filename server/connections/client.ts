import { setTimeout as sleep } from 'node:timers/promises'
import type {
  Access,
  AppCredentials,
  Connector,
  CrmClient,
  CrmReply,
  CrmRequest,
  HttpPort,
  HttpReply,
  RateLimit,
} from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { parseJson } from '../../connectors/parse-json.ts'
import type { Log } from '../log.ts'
import type { AccessToken } from './access-token.ts'
import type { AllocationWatch } from './allocation.ts'
import { type Brake, createBrake } from './brake.ts'
import { createRateGate, type RateGate } from './rate-gate.ts'

export interface ClientOptions {
  connectionId: number
  connector: Pick<Connector, 'manifest' | 'classify' | 'usage' | 'proof'>
  /** For CRMs that want a proof of it with every request. */
  app?: AppCredentials
  accessToken: Pick<AccessToken, 'current' | 'instead'>
  /** Watches the allocation that the account gives to all software together. */
  allocation?: AllocationWatch
  http: HttpPort
  log: Log
  /** First pause before a request is tried again where the CRM names none, ms; it doubles. Default 1 s. */
  backOffMs?: number
  /** Longest wait for a free place under the CRM's limits, ms. Default 30 s. */
  maxQueueMs?: number
  /** Makes the gate before a bucket. Default: one that counts this process only. */
  createGate?: (bucket: string, limit: RateLimit, maxWaitMs: number) => RateGate
}

const TRIES = 3
/** What needs more time than this is for the caller to try again: it may have better things to do meanwhile. */
const MAX_RETRYING_MS = 20_000

/**
 * Requests to the CRM in the name of one connection: with its token, under the limits of the connector's manifest
 * (there is one client for each connection in a process), tried up to three times within 20 s. A token that the CRM refuses is
 * replaced once. Throws `CodedError`: what the connector makes of the CRM's answer, `network`, `unreadable_answer`,
 * `crm_limit_reached`, `allocation_used_up`, or what `AccessToken` throws; where the CRM named a delay too long to sit out, it
 * is in `retry`.
 *
 * Requests are repeated after failures that may have come too late to prevent their effect, so connectors make only such as
 * can be repeated without harm.
 */
export function createCrmClient(options: ClientOptions): CrmClient {
  const { connectionId, connector, app, accessToken, allocation, http, log, backOffMs = 1_000, maxQueueMs = 30_000 } = options
  const { createGate = (_, limit, maxWaitMs) => createRateGate(limit, maxWaitMs) } = options
  const { limits } = connector.manifest
  const gates: Record<string, RateGate> & { default: RateGate } = { default: createGate('default', limits.default, maxQueueMs) }
  for (const [bucket, limit] of Object.entries(limits)) if (bucket !== 'default') gates[bucket] = createGate(bucket, limit, maxQueueMs)
  const brakes: Record<string, Brake> = {}
  for (const [bucket, { yieldsAt }] of Object.entries(limits))
    if (yieldsAt !== undefined) brakes[bucket] = createBrake(yieldsAt, gates[bucket] ?? gates.default)

  /** Waits for a place under a limit and under the one that it is a share of. */
  async function enter(bucket: string): Promise<() => void> {
    const leave = await (gates[bucket] ?? gates.default).enter()
    const whole = limits[bucket]?.within
    if (whole === undefined) return leave
    try {
      const leaveWhole = await enter(whole)
      return () => {
        leaveWhole()
        leave()
      }
    } catch (error) {
      leave()
      throw error
    }
  }

  /** One exchange under the limits; comes back with the error where there was no answer. */
  async function exchange(request: CrmRequest, { token, apiUrl }: Access): Promise<HttpReply | CodedError> {
    const { bucket = 'default', expect: _, ...rest } = request
    const headers = { ...request.headers, authorization: `Bearer ${token}` }
    const query = app && connector.proof && { query: { ...request.query, ...connector.proof(token, app) } }
    allocation?.enter()
    const leave = await enter(bucket)
    try {
      const reply = await http({ ...rest, ...query, url: urlBelow(apiUrl, request.url), headers })
      allocation?.note(reply)
      brakes[bucket]?.note(connector.usage?.(reply))
      return reply
    } catch (error) {
      if (error instanceof CodedError) return error
      throw error
    } finally {
      leave()
    }
  }

  /** Throws what waiting here cannot mend; comes back with what it may. */
  async function attempt(request: CrmRequest): Promise<CrmReply | CodedError> {
    const access = await accessToken.current()
    let outcome = judge(await exchange(request, access), request)
    if (isExpired(outcome)) {
      const other = await accessToken.instead(access.token)
      if (other !== undefined) outcome = judge(await exchange(request, other), request)
      if (isExpired(outcome)) throw outcome
    }
    if (outcome instanceof CodedError && outcome.scope === 'connection' && typeof outcome.retry === 'object')
      for (const gate of Object.values(gates)) gate.pause(outcome.retry.afterMs)
    return outcome
  }

  function judge(reply: HttpReply | CodedError, request: CrmRequest): CrmReply | CodedError {
    if (reply instanceof CodedError) return reply
    const wanted = (reply.status >= 200 && reply.status < 300) || request.expect?.includes(reply.status)
    return wanted ? parsed(reply) : connector.classify(reply, request)
  }

  return {
    async request(request) {
      const started = performance.now()
      for (let tries = 1; ; tries++) {
        const outcome = await attempt(request)
        if (!(outcome instanceof CodedError)) return outcome
        const waitMs = delay(outcome, tries, backOffMs)
        if (waitMs === undefined || tries >= TRIES || performance.now() - started + waitMs > MAX_RETRYING_MS) throw outcome
        log.info({ connection: connectionId, code: outcome.code, tries, waitMs }, 'a request to the CRM is tried again')
        await sleep(waitMs)
      }
    },
  }
}

/** Undefined: never. Half of our own delay is random, so that what failed together does not come back together. */
function delay({ retry }: CodedError, tries: number, backOffMs: number): number | undefined {
  if (retry === 'never') return undefined
  if (retry === 'later') return Math.round(backOffMs * 2 ** (tries - 1) * (0.5 + Math.random() / 2))
  return retry.afterMs
}

function isExpired(outcome: CrmReply | CodedError): outcome is CodedError {
  return outcome instanceof CodedError && outcome.code === 'expired_token'
}

/** A connector names a path; a token never goes to another host. */
function urlBelow(baseUrl: string, path: string): string {
  if (!path.startsWith('/')) throw new Error('a CRM request needs a path that begins with a slash')
  return `${baseUrl.replace(/\/$/, '')}${path}`
}

function parsed({ status, text }: HttpReply): CrmReply | CodedError {
  try {
    return { status, body: text.trim() === '' ? undefined : parseJson(text) }
  } catch {
    return new CodedError({
      code: 'unreadable_answer',
      retry: 'later',
      scope: 'batch',
      userText: 'The CRM gave an answer that cannot be read. It is tried again.',
      message: `unreadable_answer: HTTP ${status} without JSON`,
    })
  }
}
