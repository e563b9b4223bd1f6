/**
 * Redis as the scheduler wants it. Its connections do not come back by themselves: one that breaks is thrown away with all
 * that hangs on it, and new ones are made, so that nothing waits on a line that nobody listens to any more.
 */
import { Redis } from 'ioredis'
import { CodedError } from '../../connectors/errors.ts'

/** Time for a connection to come up, and within which Redis has to answer, ms. */
const PATIENCE_MS = 3_000
/** `zadd … lt`, on which "the earliest of several wins" rests. */
const OLDEST_VERSION = [6, 2]

/**
 * Not connected yet.
 * @param blockedMs how long Redis may keep a command waiting on purpose, beyond the time that it has to answer
 */
export function redisConnection(url: string, blockedMs = 0): Redis {
  const connection = new Redis(url, {
    lazyConnect: true,
    family: 0,
    connectionName: 'leadstage',
    connectTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS + blockedMs,
    retryStrategy: () => null,
    // As Bull wants it for connections that block.
    enableReadyCheck: blockedMs === 0,
    maxRetriesPerRequest: null,
  })
  // All queues listen on the connections that they share.
  connection.setMaxListeners(0)
  // Whoever uses it is told by its commands.
  connection.on('error', () => undefined)
  return connection
}

/** Rejects with the reason, which the connection itself only tells to listeners. */
export async function connect(connection: Redis): Promise<void> {
  let reason: unknown
  connection.once('error', (error) => {
    reason = error
  })
  await connection.connect().catch((error: unknown) => Promise.reject(reason ?? error))
}

/** How a Redis is found: silent, or with its version and what is wrong with it, in words for who runs it. */
export type RedisStanding = { answers: false } | { answers: true; version: string; problem?: string }

/** Looks at the Redis that a URL names. */
export async function inspectRedis(url: string): Promise<RedisStanding> {
  const connection = redisConnection(url)
  try {
    await connect(connection)
    return await readStanding(connection)
  } catch (error) {
    const refused = /NOAUTH|WRONGPASS|NOPERM/.test(String(error))
    return refused ? { answers: true, version: '', problem: 'Redis refuses the user or password of REDIS_URL.' } : { answers: false }
  } finally {
    connection.disconnect()
  }
}

/** Looks at Redis over a connection that is there. */
export async function readStanding(connection: Redis): Promise<{ answers: true; version: string; problem?: string }> {
  const info = await connection.info()
  const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? ''
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'unknown'
  const problem = isTooOld(version)
    ? `Redis ${version} is too old: ${OLDEST_VERSION.join('.')} or newer is needed.`
    : policy !== 'noeviction'
      ? `Redis drops keys when its memory is full (maxmemory-policy is ${policy}). Set it to noeviction.`
      : undefined
  return { answers: true, version, ...(problem !== undefined && { problem }) }
}

/** Throws `CodedError` `redis_unfit` where Redis answers and cannot be used as it is. One that is silent may come yet. */
export async function insistOnRedis(url: string): Promise<void> {
  const standing = await inspectRedis(url)
  if (!standing.answers || standing.problem === undefined) return
  throw new CodedError({ code: 'redis_unfit', retry: 'never', scope: 'connection', userText: standing.problem })
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_VERSION
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor)
}
