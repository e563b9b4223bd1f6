import { Agent, request } from 'undici'
import { CodedError } from '../../../connectors/errors.ts'
import { networkReason } from '../../connections/network-reason.ts'
import { publicLookup, refusePrivateHost } from './public-address.ts'
import { signature } from './webhook-body.ts'

export interface WebhookTarget {
  url: string
  /** Signs the body. */
  secret: string
}

export interface WebhookPoster {
  /**
   * Posts a body; any answer of 2xx counts as taken, and no redirect is followed. Throws `CodedError`: `webhook_gone`,
   * `webhook_private` (both never), `webhook_failed` (later). Texts hold nothing of the URL.
   */
  post(target: WebhookTarget, id: string, body: string): Promise<void>
  close(): Promise<void>
}

/** @param options.loopback the address of this machine is allowed, and http with it: for tests */
export function createWebhookPoster({ timeoutMs = 10_000, loopback = false } = {}): WebhookPoster {
  const agent = new Agent({
    connect: { timeout: timeoutMs, ...(!loopback && { lookup: publicLookup }) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  })
  return {
    async post({ url, secret }, id, body) {
      const status = await exchange(
        url,
        {
          'content-type': 'application/json',
          'user-agent': 'Leadstage',
          'x-message-id': id,
          'x-signature': signature(secret, body, Math.floor(Date.now() / 1000)),
        },
        body,
      )
      if (status === 410) throw failure('webhook_gone', 'never', 'The webhook says that it is gone (HTTP 410).')
      if (status < 200 || status >= 300) throw failure('webhook_failed', 'later', `The webhook answered with HTTP ${status}.`)
    },
    close: () => agent.close(),
  }

  async function exchange(url: string, headers: Record<string, string>, body: string): Promise<number> {
    try {
      if (!loopback) refusePrivateHost(new URL(url).hostname)
      const answer = await request(url, { method: 'POST', headers, body, dispatcher: agent, signal: AbortSignal.timeout(timeoutMs) })
      // Its text is of no use to us, nor is its end; unread, it would hold the connection.
      await answer.body.dump({ limit: 16_384 }).catch(() => undefined)
      return answer.statusCode
    } catch (error) {
      if (error instanceof CodedError) throw error
      throw failure('webhook_failed', 'later', `The webhook could not be reached or did not answer in time (${networkReason(error)}).`)
    }
  }
}

function failure(code: string, retry: 'never' | 'later', userText: string): CodedError {
  return new CodedError({ code, retry, scope: 'event', userText })
}
