/** The server as a process of its own on the database and stand-ins of a test, to be killed at any time. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { PUBLIC_URL, type TestApp, until } from './app.ts'

export interface ServerProcess {
  url: string
  /** Starts it, and resolves when it is ready to work. */
  start(): Promise<void>
  /** Ends it without any warning; resolves when it is gone. */
  kill(): Promise<void>
  /** What it has complained of so far. */
  complaints(): string[]
}

const main = join(import.meta.dirname, '../../server/main.ts')

/** Not started yet. It goes with the test. `env` adds to what it is told, or gives it another address. */
export async function serverProcess(
  t: Test,
  it: TestApp,
  env: (url: string) => Record<string, string> = () => ({}),
): Promise<ServerProcess> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const said: string[] = []
  let child: ChildProcess | undefined
  t.teardown(() => child?.kill('SIGKILL'))
  return {
    url,
    async start() {
      child = spawn(process.execPath, [main], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          PATH: process.env.PATH,
          PORT: String(port),
          PUBLIC_URL,
          DATABASE_URL: it.databaseUrl,
          ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
          HUBSPOT_APP_ID: String(it.hubspot.app.appId),
          HUBSPOT_CLIENT_ID: it.hubspot.app.clientId,
          HUBSPOT_CLIENT_SECRET: it.hubspot.app.clientSecret,
          HUBSPOT_API_URL: it.hubspot.url,
          META_GRAPH_URL: it.meta.url,
          META_TIMEOUT_MS: '1000',
          LOG_LEVEL: 'error',
          ...env(url),
        },
      })
      child.stderr?.on('data', (text) => said.push(String(text)))
      await until(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200, 30_000)
    },
    async kill() {
      if (child === undefined) return
      const died = once(child, 'exit')
      child.kill('SIGKILL')
      await died
    },
    complaints: () => said.filter((text) => !text.includes('Leadstage listens') && !text.includes('Next:')),
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
