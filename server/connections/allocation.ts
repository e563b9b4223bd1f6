/**
 * The allocation of requests that an account gives to all software together. The CRM's answers tell how much of it is used:
 * when little is left the customer is told, and when nothing is, this connection asks for nothing, but for one request now
 * and then to see whether there is some again. Streams do not count against it and go on.
 */
import type { Connector, HttpReply } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import type { Database } from '../database/pool.ts'
import type { Log } from '../log.ts'
import { networkReason } from './network-reason.ts'
import { closeNotice, openNotice } from './notices.ts'

export interface AllocationOptions {
  db: Database
  workspaceId: number
  connectionId: number
  connector: Pick<Connector, 'manifest' | 'allocation'>
  log: Log
  /** Milliseconds since the epoch. */
  now?: () => number
}

export interface AllocationWatch {
  /** Before a request. Throws `CodedError` `allocation_used_up` while the connection rests. */
  enter(): void
  /** Every answer. */
  note(reply: HttpReply): void
}

const WARN_FROM = 0.8
const REST_MS = 5 * 60_000

type Left = 'enough' | 'little' | 'none'

export function watchAllocation(options: AllocationOptions): AllocationWatch {
  const { connector, now = Date.now } = options
  let left: Left | undefined
  let restUntil = 0
  /** One after the other: that there is enough must not be written after that there is not. */
  let telling = Promise.resolve()
  return {
    enter() {
      if (left !== 'none') return
      const rest = restUntil - now()
      if (rest > 0) throw usedUp(connector, rest)
      // This one shall find out; the others wait for what it finds.
      restUntil = now() + REST_MS
    },
    note(reply) {
      const seen = connector.allocation?.(reply)
      if (seen === undefined) return
      const before = left
      left = seen.used >= seen.limit ? 'none' : seen.used >= WARN_FROM * seen.limit ? 'little' : 'enough'
      if (left === 'none' && before !== 'none') restUntil = now() + REST_MS
      if (left === before) return
      const news = left
      telling = telling
        .then(() => tell(options, news, seen))
        .catch((error) => options.log.warn({ code: networkReason(error) }, 'a notice was not written'))
    },
  }
}

async function tell(
  { db, workspaceId, connectionId, connector, log }: AllocationOptions,
  left: Left,
  { used, limit }: { used: number; limit: number },
): Promise<void> {
  const subject = `connection:${connectionId}`
  const crm = connector.manifest.displayName
  log[left === 'enough' ? 'info' : 'warn']({ connection: connectionId, used, limit }, 'allocation of requests')
  if (left !== 'little') await closeNotice(db, subject, 'allocation_low')
  if (left !== 'none') await closeNotice(db, subject, 'allocation_used_up')
  if (left === 'enough') return
  const share = `${used} of the ${limit} API requests that the ${crm} account has for a day, with all software that uses it,`
  await openNotice(db, {
    ...{ workspaceId, subject },
    ...(left === 'none'
      ? { code: 'allocation_used_up', text: `${share} are used. Nothing is asked until there are some again; changes are kept meanwhile.` }
      : { code: 'allocation_low', text: `${share} are used. When none is left, changes wait: find out what uses so many, or get more.` }),
  })
}

function usedUp({ manifest }: AllocationOptions['connector'], rest: number): CodedError {
  return new CodedError({
    code: 'allocation_used_up',
    retry: { afterMs: Math.ceil(rest) },
    scope: 'connection',
    userText: `The ${manifest.displayName} account has used up the API requests that it has for a day. Work goes on when there are some again.`,
  })
}
