/** A real Redis of its own folder and port, for one test or one part of the bench. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from './free-port.ts'

export interface RedisServer {
  port: number
  url: string
  readonly pid: number
  /** Says whatever redis-cli could. */
  command(...words: string[]): Promise<unknown>
  /** Starts it again on what it has kept. */
  start(): Promise<void>
  /** Ends it without any warning. */
  kill(): Promise<void>
  /** Ends it and forgets everything. */
  stop(): Promise<void>
}

export function redisIsInstalled(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Why tests that need one do not run here; `false` where they do. For the option `skip` of a test. */
export const noRedis: string | false = redisIsInstalled()
  ? false
  : 'there is no redis-server on this machine (Debian: apt-get install redis-server)'

/** @param settings as on the command line of redis-server: `['--appendonly', 'yes']` */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'leadstage-redis-'))
  const port = await freePort()
  let child: ChildProcess
  const exit = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => 50, maxRetriesPerRequest: null })
  client.on('error', () => undefined)
  const server: RedisServer = {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child.pid as number
    },
    command: (word, ...words) => client.call(word as string, ...words),
    async start() {
      child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...settings], {
        stdio: 'ignore',
      })
      const late = new AbortController()
      const tooLate = sleep(60_000, undefined, { signal: late.signal }).then(
        () => Promise.reject(new Error('redis-server did not start')),
        () => undefined,
      )
      await Promise.race([client.ping(), tooLate])
      late.abort()
    },
    kill: () => exit('SIGKILL'),
    async stop() {
      client.disconnect()
      await exit('SIGTERM')
      await rm(folder, { recursive: true, force: true })
    },
  }
  await server.start()
  return server
}

/** Keys of a prefix, and how many of them hold one of these texts in their name or value. */
export async function findRedisTraces(
  { url, prefix }: { url: string; prefix: string },
  canaries: readonly string[],
): Promise<{ keys: number; found: string[] }> {
  const client = new Redis(url)
  try {
    // Packed, a text could not be found.
    await client.config('SET', 'rdbcompression', 'no')
    const keys = await client.keys(`*${prefix}*`)
    const dumps = await Promise.all(
      keys.map(async (key) => ({ key, text: key + ((await client.dumpBuffer(key))?.toString('latin1') ?? '') })),
    )
    return { keys: keys.length, found: dumps.flatMap(({ key, text }) => (canaries.some((canary) => text.includes(canary)) ? [key] : [])) }
  } finally {
    client.disconnect()
  }
}
