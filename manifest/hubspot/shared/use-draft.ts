import { useState } from 'react'
import { type Change, useChange } from './use-change.ts'
import type { Read } from './use-read.ts'

export interface Draft<Value extends object> {
  /** What was read, with what was changed here. */
  value: Value
  /** Only what was changed here. */
  changed: Partial<Value>
  isChanged: boolean
  busy: boolean
  error: Change['error']
  put: (change: Partial<Value>) => void
  /** Lets go of what was changed here, and shows what is there now. */
  leave: () => void
  save: () => void
  /** Saves what was changed here on top of what somebody else has saved meanwhile. */
  saveAnyway: () => void
}

interface Kept<Value> {
  read: Pick<Read<unknown>, 'again' | 'busy'>
  version: string
  value: Value
  /** @param whole what was changed, on top of that version */
  send: (version: string, changed: Partial<Value>, whole: Value) => Promise<unknown>
  /** What is there now. */
  latest: () => Promise<{ version: string; value: Value }>
  /** Said when it is saved. */
  done: string
}

/** What is changed on top of what was read: only that is sent, and what somebody else saved is never overwritten unseen. */
export function useDraft<Value extends object>({ read, version, value, send, latest, done }: Kept<Value>): Draft<Value> {
  const [changed, setChanged] = useState<Partial<Value>>({})
  const change = useChange()
  const leave = () => {
    setChanged({})
    change.forget()
    read.again()
  }
  const saveOn = (now: () => Promise<{ version: string; value: Value }>) => {
    const saved = async () => {
      const { version, value } = await now()
      return send(version, changed, { ...value, ...changed })
    }
    change.make(saved, { done, after: leave })
  }
  return {
    value: { ...value, ...changed },
    changed,
    isChanged: Object.keys(changed).length > 0,
    busy: change.busy || read.busy,
    error: change.error,
    put: (more) => setChanged({ ...changed, ...more }),
    leave,
    save: () => saveOn(async () => ({ version, value })),
    saveAnyway: () => saveOn(latest),
  }
}
