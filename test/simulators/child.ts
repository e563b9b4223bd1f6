import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A simulator in a process of its own, driven through its control commands. */
export interface Child {
  url: string
  process: ChildProcess
  /** Runs a control command; a list of inputs runs it for each. */
  control<Result>(command: string, input?: unknown): Promise<Result>
  close(): Promise<void>
}

/** Starts a simulator as a process; `options` are those of its start function that JSON can hold. */
export async function startChild(name: 'hubspot' | 'salesforce' | 'meta', options: object = {}): Promise<Child> {
  const main = fileURLToPath(new URL(`./${name}/main.ts`, import.meta.url))
  const child = spawn(process.execPath, [main, '--parent', String(process.pid), '--options', JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  if (first.done) throw new Error(`the ${name} simulator did not start`)
  const { url } = JSON.parse(first.value) as { url: string }
  return {
    url,
    process: child,
    control: async <Result>(command: string, input: unknown = {}) => {
      const response = await fetch(`${url}/__control/${command}`, { method: 'POST', body: JSON.stringify(input) })
      const body = await response.json()
      if (response.status !== 200) throw new Error(`${command}: ${JSON.stringify(body)}`)
      return body as Result
    },
    close: () => {
      child.kill('SIGTERM')
      return ended
    },
  }
}
