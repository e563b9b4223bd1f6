import { Agent, request as send } from 'undici'
import type { HttpPort } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { networkReason } from './network-reason.ts'

export interface HttpOptions {
  /** For a whole exchange, from connecting to the last byte of the answer. Default 10 s. */
  timeoutMs?: number
  /** An answer larger than this is given up. Default 16 MB: a batch of records with their histories fits. */
  maxAnswerBytes?: number
}

/**
 * Plain HTTP with connections kept alive. `http` resolves with the answer whatever its status, follows no redirect, and
 * rejects with the `CodedError` `network` (retry later) when no whole answer came. Errors hold neither URL nor content.
 */
export function createHttp({ timeoutMs = 10_000, maxAnswerBytes = 16_000_000 }: HttpOptions = {}): {
  http: HttpPort
  close(): Promise<void>
} {
  const agent = new Agent({
    connect: { timeout: timeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: maxAnswerBytes,
  })
  return {
    close: () => agent.close(),
    async http({ method, url, query, headers, json, form }) {
      const body = json !== undefined ? JSON.stringify(json) : form && new URLSearchParams(form).toString()
      const type = json !== undefined ? 'application/json' : form && 'application/x-www-form-urlencoded'
      try {
        const answer = await send(url, {
          method,
          query,
          headers: { accept: 'application/json', ...(type && { 'content-type': type }), ...headers },
          body,
          dispatcher: agent,
          // The agent's time-outs run between two signs of life; this one ends an exchange that trickles.
          signal: AbortSignal.timeout(timeoutMs),
        })
        const text = await answer.body.text()
        const joined = Object.entries(answer.headers).map(([name, value]) => [name, value?.toString()])
        return { status: answer.statusCode, headers: Object.fromEntries(joined), text }
      } catch (error) {
        throw new CodedError({
          code: 'network',
          retry: 'later',
          scope: 'connection',
          userText: 'The service could not be reached or did not answer in time. It is tried again.',
          message: `network: ${networkReason(error)}`,
        })
      }
    },
  }
}
