import type { ConnectionState } from '../database/tables.ts'
import { RECONNECT } from './states.ts'

/** The states of a connection in the words that people are told. */
export type LifeCycle = 'active' | 'needs attention' | 'paused' | 'disconnected' | 'uninstalled'

/**
 * What a stored state and its reason mean to a person, and why the customer has to act, if so: a connection without a route
 * works only once it has one; one whose CRM no longer knows us is disconnected; a removed one is uninstalled. Pure.
 */
export function lifeCycle(state: ConnectionState, reason: string | null): { lifeCycle: LifeCycle; because?: string } {
  if (state === 'setup') return { lifeCycle: 'needs attention', because: 'no_route' }
  if (state === 'removed') return { lifeCycle: 'uninstalled' }
  if (state !== 'attention') return { lifeCycle: state }
  return reason === RECONNECT ? { lifeCycle: 'disconnected' } : { lifeCycle: 'needs attention', because: reason ?? 'unknown' }
}

/** The same in one text: `needs attention (no_route)`. Pure. */
export function lifeCycleText(state: ConnectionState, reason: string | null): string {
  const { lifeCycle: word, because } = lifeCycle(state, reason)
  return because === undefined ? word : `${word} (${because})`
}
