import { execFileSync } from 'node:child_process'
import { type RedisServer, redisIsInstalled, startRedis } from '../support/redis.ts'

/** A Redis that writes every command to disk before it answers. Throws as `startUsualRedis` does. */
export async function startDurableRedis(): Promise<RedisServer> {
  if (!redisIsInstalled()) install()
  return startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
}

/** A Redis that writes to disk once a second. Throws with what to install when there is no redis-server and it cannot be installed here. */
export async function startUsualRedis(): Promise<RedisServer> {
  if (!redisIsInstalled()) install()
  return startRedis(['--appendonly', 'yes'])
}

function install(): void {
  try {
    if (process.getuid?.() === 0) execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { stdio: 'ignore' })
  } catch {
    // Told below.
  }
  if (!redisIsInstalled()) throw new Error('redis-server is needed for the comparison: install it (Debian: apt-get install redis-server)')
}
