import { useState } from 'react'

export interface Draft<T> {
  /** What is shown: the changes that were made here, or what is saved. */
  value: T
  /** What was saved when the changes began. */
  base: T
  /** The version of what was changed. */
  version: string
  isChanged: boolean
  set(next: T): void
  /** Lets go of the changes. */
  discard(): void
  /** Puts the changes on top of what is saved by now; `onto`: as they go together with it. */
  rebase(version: string, onto?: { value: T; base: T }): void
}

/** Changes in views that somebody went away from, by their names, for as long as the page is open. The browser asks before it lets go of them. */
const left = new Map<string, unknown>()
window.addEventListener('beforeunload', (event) => {
  if (left.size > 0) event.preventDefault()
})
interface Begun<T> {
  version: string
  value: T
  base: T
}

/**
 * Changes that are not saved yet, and what they were made on: a newer version must not get in underneath.
 * @param name under it they are still there for whoever comes back to the view; without one they go with it
 */
export function useDraft<T>(saved: { version: string; value: T }, name?: string): Draft<T> {
  const [draft, setBegun] = useState(() => (name === undefined ? undefined : (left.get(name) as Begun<T> | undefined)))
  const setDraft = (next: Begun<T> | undefined) => {
    setBegun(next)
    if (name !== undefined && next !== undefined) left.set(name, next)
    if (name !== undefined && next === undefined) left.delete(name)
  }
  const { version, value, base } = draft ?? { ...saved, base: saved.value }
  return {
    value,
    base,
    version,
    isChanged: draft !== undefined,
    set: (next) => setDraft({ version, value: next, base }),
    discard: () => setDraft(undefined),
    rebase: (newer, onto = { value, base }) => setDraft({ version: newer, ...onto }),
  }
}
