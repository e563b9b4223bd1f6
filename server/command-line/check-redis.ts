import type { Config } from '../config.ts'
import { inspectRedis } from '../schedule/redis.ts'
import type { Check } from './check-database.ts'

/** The Redis by which processes share their work, where there is one. */
export async function checkRedis({ redis }: Pick<Config, 'redis'>): Promise<Check[]> {
  if (redis === undefined) return []
  const standing = await inspectRedis(redis.url)
  const name = 'Redis'
  if (!standing.answers) {
    const text = 'does not answer within 3 s; until it does every worker works by itself. Check REDIS_URL and that Redis runs'
    return [{ name, status: 'problem', text }]
  }
  if (standing.problem !== undefined) return [{ name, status: 'problem', text: standing.problem }]
  return [{ name, status: 'ok', text: `version ${standing.version} answers and keeps what it is given` }]
}
