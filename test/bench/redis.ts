/** A Redis that writes every command to disk before it answers. */
import { execFileSync } from 'node:child_process'
import { type RedisServer, redisIsInstalled, startRedis } from '../support/redis.ts'

/** Throws with what to install when there is no redis-server and it cannot be installed here. */
export async function startDurableRedis(): Promise<RedisServer> {
  if (!redisIsInstalled()) install()
  return startRedis(['--appendonly', 'yes', '--appendfsync', 'always'])
}

function install(): void {
  try {
    if (process.getuid?.() === 0) execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { stdio: 'ignore' })
  } catch {
    // Told below.
  }
  if (!redisIsInstalled()) throw new Error('redis-server is needed for the comparison: install it (Debian: apt-get install redis-server)')
}
