/** The server as a process of its own, to be stopped or killed at any time. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { PUBLIC_URL, type TestApp, until } from './app.ts'
import { freePort } from './free-port.ts'
import { sharedRedis } from './mode.ts'

export interface ServerProcess {
  url: string
  readonly pid: number | undefined
  /** Starts it, and resolves when it is ready to work. */
  start(): Promise<void>
  /** Tells it to end, and resolves when it has. */
  stop(): Promise<void>
  /** Ends it without any warning; resolves when it is gone. */
  kill(): Promise<void>
  /** What it has complained of so far. */
  complaints(): string[]
}

const root = join(import.meta.dirname, '../..')

/** What `npm start` gives to Node: its options, and the file. */
export async function startArguments(): Promise<string[]> {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }
  return scripts.start.split(' ').slice(1)
}

/** Not started yet, on a port of its own. `env` is all that it is told; `nodeOptions` stand before those of `npm start`. */
export async function createServerProcess(
  env: (url: string) => Record<string, string>,
  nodeOptions: readonly string[] = [],
): Promise<ServerProcess> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const said: string[] = []
  let child: ChildProcess | undefined
  const end = async (signal: NodeJS.Signals) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  return {
    url,
    get pid() {
      return child?.pid
    },
    async start() {
      child = spawn(process.execPath, [...nodeOptions, ...(await startArguments())], {
        cwd: root,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { PATH: process.env.PATH, PORT: String(port), ...env(url) },
      })
      child.stderr?.on('data', (text) => said.push(String(text)))
      const isUp = async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200
      await until(async () => (await isUp()) || child?.exitCode !== null, 120_000)
      if (child.exitCode !== null) throw new Error(`the server did not start:\n${said.join('')}`)
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    complaints: () => said.filter((text) => !text.includes('Leadstage listens') && !text.includes('Next:')),
  }
}

/** The server on the database and stand-ins of a test; it goes with the test. `env` adds to what it is told, or gives it another address. */
export async function serverProcess(
  t: Test,
  it: TestApp,
  env: (url: string) => Record<string, string> = () => ({}),
): Promise<ServerProcess> {
  const redis = sharedRedis(it.databaseUrl)
  const made = await createServerProcess((url) => ({
    ...(redis && { REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix }),
    PUBLIC_URL,
    DATABASE_URL: it.databaseUrl,
    ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
    HUBSPOT_APP_ID: String(it.hubspot.app.appId),
    HUBSPOT_CLIENT_ID: it.hubspot.app.clientId,
    HUBSPOT_CLIENT_SECRET: it.hubspot.app.clientSecret,
    HUBSPOT_API_URL: it.hubspot.url,
    META_GRAPH_URL: it.meta.url,
    META_TIMEOUT_MS: '6000',
    LOG_LEVEL: 'error',
    ...env(url),
  }))
  t.teardown(made.kill)
  return made
}
