/** A Redis that writes every command to disk before it answers, in a folder of its own. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'

export interface RedisServer {
  port: number
  pid: number
  flush(): Promise<void>
  stop(): Promise<void>
}

/** Throws with what to install when there is no redis-server and it cannot be installed here. */
export async function startRedis(): Promise<RedisServer> {
  if (!installed()) install()
  const folder = await mkdtemp(join(tmpdir(), 'leadstage-bench-redis-'))
  const port = await freePort()
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '']
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...durable], { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => 50, maxRetriesPerRequest: null })
  client.on('error', () => undefined)
  await Promise.race([
    client.ping(),
    sleep(10_000).then(() => {
      throw new Error('redis-server did not start')
    }),
  ])
  return {
    port,
    pid: child.pid as number,
    flush: async () => void (await client.flushall()),
    async stop() {
      client.disconnect()
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function installed(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function install(): void {
  try {
    if (process.getuid?.() === 0) execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { stdio: 'ignore' })
  } catch {
    // Told below.
  }
  if (!installed()) throw new Error('redis-server is needed for the comparison: install it (Debian: apt-get install redis-server)')
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
