/**
 * The modes in which promises hold: each process by itself, or many that share their work by Redis. The same tests prove both;
 * with `TEST_REDIS_URL` their apps and processes share that Redis, each test with keys of its own.
 */
export function sharedRedis(databaseUrl: string): { url: string; prefix: string } | undefined {
  const url = process.env.TEST_REDIS_URL
  return url === undefined ? undefined : { url, prefix: new URL(databaseUrl).pathname.slice(1) }
}
