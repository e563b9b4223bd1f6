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

/** Changes that are not saved yet, and what they were made on: a newer version must not get in underneath. */
export function useDraft<T>(saved: { version: string; value: T }): Draft<T> {
  const [draft, setDraft] = useState<{ version: string; value: T; base: T }>()
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
