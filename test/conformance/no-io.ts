/** Proves that a function does no I/O: not one asynchronous resource comes to be, and no file is touched, while it runs. */
import { createHook } from 'node:async_hooks'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/** Runs `work` and returns its result and what it reached for: `TCPWRAP`, `Timeout`, `PROMISE`, `fs.readFileSync`, … */
export function watchIo<Result>(work: () => Result): { result: Result; reached: string[] } {
  const reached: string[] = []
  const hook = createHook({ init: (_id, type) => void reached.push(type) })
  const files = fs as unknown as Record<string, unknown>
  const whole = new Map(Object.entries(files).filter(([name, value]) => name.endsWith('Sync') && typeof value === 'function'))
  for (const [name, real] of whole) {
    files[name] = (...args: unknown[]) => {
      reached.push(`fs.${name}`)
      return (real as (...args: unknown[]) => unknown)(...args)
    }
  }
  syncBuiltinESMExports()
  hook.enable()
  try {
    return { result: work(), reached }
  } finally {
    hook.disable()
    for (const [name, real] of whole) files[name] = real
    syncBuiltinESMExports()
  }
}
