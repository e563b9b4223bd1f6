/**
 * What Redis knows of a key of work beside its one Bull job: when it wants to run (`due`), before when it must not (`rest`),
 * and how often it failed in a row (`failures`). Bull takes no second job of an id, be the first one waiting, delayed or running;
 * so a wake-up leaves its mark first, a run takes the mark away before it looks, and whoever ends a run looks for a new one.
 */
import type { Redis } from 'ioredis'

export interface Marks {
  /**
   * Marks keys as wanted at an instant, ms since the epoch (`marked`: at the one that is marked already, if there is one), and
   * brings their delayed jobs forward. Returns those that have no job, with the instant to give it.
   */
  want(kind: string, wanted: readonly (readonly [key: string, at: number | 'marked'])[], now: number): Promise<[key: string, at: number][]>
  /** A run begins: what was wanted until now, it will see. Returns how often the key has failed in a row. */
  begin(kind: string, key: string, now: number): Promise<number>
  /** A run has ended and is wanted again at `again`, and not before where it has to `rest`. */
  settle(kind: string, key: string, outcome: { again?: number | undefined; rest: boolean; failures: number }): Promise<void>
}

type Command = (...args: (string | number)[]) => Promise<unknown>

/** @param keyOf name of a key in Redis that belongs to a kind; Bull's own among them */
export function createMarks(redis: Redis, keyOf: (kind: string, name: string) => string): Marks {
  const define = (name: string, numberOfKeys: number, lua: string): Command => {
    redis.defineCommand(name, { numberOfKeys, lua })
    return (redis as unknown as Record<string, Command>)[name]?.bind(redis) as Command
  }
  const want = define('leadstageWant', 5, WANT)
  const begin = define('leadstageBegin', 2, BEGIN)
  const settle = define('leadstageSettle', 3, SETTLE)
  const keys = (kind: string, ...names: string[]) => names.map((name) => keyOf(kind, name))
  return {
    async want(kind, wanted, now) {
      const flat = wanted.flatMap(([key, at]) => [key, at === 'marked' ? '' : Math.ceil(at)])
      const missing = (await want(...keys(kind, 'due', 'rest', 'wait', 'delayed', ''), now, ...flat)) as string[]
      return Array.from({ length: missing.length / 2 }, (_, index) => [missing[2 * index] as string, Number(missing[2 * index + 1])])
    },
    begin: async (kind, key, now) => Number(await begin(...keys(kind, 'due', 'failures'), key, now)),
    settle: async (kind, key, { again, rest, failures }) => {
      await settle(...keys(kind, 'due', 'rest', 'failures'), key, again === undefined ? '' : Math.ceil(again), rest ? 1 : 0, failures)
    },
  }
}

// Scores of Bull's delayed jobs are milliseconds times 4096; its workers hear of an earlier one by the name of the set.
const WANT = `
local missing = {}
for i = 2, #ARGV, 2 do
  local key, at = ARGV[i], tonumber(ARGV[i + 1])
  if at then redis.call('zadd', KEYS[1], 'lt', at, key) end
  at = tonumber(redis.call('zscore', KEYS[1], key))
  if at then
    local rest = tonumber(redis.call('hget', KEYS[2], key))
    if rest and rest > at then at = rest end
    if redis.call('exists', KEYS[5] .. key) == 0 then
      table.insert(missing, key)
      table.insert(missing, string.format('%.0f', at))
    elseif at > tonumber(ARGV[1]) then
      if redis.call('zadd', KEYS[4], 'xx', 'lt', 'ch', at * 4096, key) == 1 then redis.call('publish', KEYS[4], string.format('%.0f', at)) end
    elseif redis.call('zrem', KEYS[4], key) == 1 then
      redis.call('lpush', KEYS[3], key)
    end
  end
end
return missing`

const BEGIN = `
local at = redis.call('zscore', KEYS[1], ARGV[1])
if at and tonumber(at) <= tonumber(ARGV[2]) then redis.call('zrem', KEYS[1], ARGV[1]) end
return redis.call('hget', KEYS[2], ARGV[1]) or 0`

const SETTLE = `
local key, again = ARGV[1], ARGV[2]
if again ~= '' then redis.call('zadd', KEYS[1], 'lt', again, key) end
if ARGV[3] == '1' then redis.call('hset', KEYS[2], key, again) else redis.call('hdel', KEYS[2], key) end
if ARGV[4] == '0' then redis.call('hdel', KEYS[3], key) else redis.call('hset', KEYS[3], key, ARGV[4]) end`
