/**
 * `npm run test:faults`: proves the promises of `test/promises/README.md` under faults, each process by itself and many on Redis,
 * and prints what was counted. A small budget leaves to `npm test` what that runs anyway; `-- --full` runs every proof in both
 * modes, with 200 kills and all of the fuzzing. `SEED=` repeats random kills and inputs. `-- --only 3,18` runs the proofs of
 * these promises only.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { redisIsInstalled, startRedis } from '../support/redis.ts'
import { readPromises } from './promises.ts'
import { runProofs } from './run-proofs.ts'
import { type Counted, type Ran, writeReport } from './write-report.ts'

const { values } = parseArgs({ options: { full: { type: 'boolean', default: false }, only: { type: 'string' } } })
const say = (line: string) => void process.stdout.write(`${line}\n`)
const only = values.only?.split(',').map(Number)
const promises = readPromises().filter(({ number }) => only === undefined || only.includes(number))
const proofs = [...new Set(promises.flatMap((promise) => promise.proofs))]

/** Faults proper: what dies, falls silent or is flooded. Each is worth its time in every mode. */
const isFault = (file: string) => /^test\/(faults\/|server\/(kill|two-apps|many)|promises\/silent-logs)/.test(file)
/** These are as true with many processes as with one, and depend on who wakes whom. */
const isShared = (file: string) => /^test\/(server\/(resolve|delivery|leads|intake|backfill|streams|orgs)|promises)/.test(file)
/** Redis itself is at stake; nothing of it is. */
const needsRedis = (file: string) => /(redis\.fault|schedule\/(bull|redis)|many)\./.test(file)
const needsNone = (file: string) => /hostile\./.test(file)
/** These take long, and `npm test` has proven them of one process. */
const isProven = (file: string) => /(kill-history|silent-logs)\./.test(file)
const wanted = {
  'in-process': proofs.filter((file) => (values.full || (isFault(file) && !isProven(file))) && !needsRedis(file)),
  redis: proofs.filter((file) => (isFault(file) || (values.full && (isShared(file) || needsRedis(file)))) && !needsNone(file)),
}

const folder = mkdtempSync(join(tmpdir(), 'leadstage-faults-'))
const report = join(folder, 'counted.ndjson')
const seed = process.env.SEED ?? String(1 + Math.floor(Math.random() * 1_000_000))
const env = { FAULTS_REPORT: report, SEED: seed, ...(values.full && { FULL: '1', KILLS: '200' }) }
const ran: Ran = { 'in-process': new Map(), redis: new Map() }
say(`seed ${seed} (SEED=${seed} repeats it)`)
say('each process by itself:')
ran['in-process'] = await runProofs(wanted['in-process'], env, say)
if (redisIsInstalled()) {
  const redis = await startRedis()
  say('many on Redis:')
  ran.redis = await runProofs(wanted.redis, { ...env, TEST_REDIS_URL: redis.url }, say)
  await redis.stop()
} else say('there is no redis-server on this machine (Debian: apt-get install redis-server): nothing was proven of many processes')

const counted = existsSync(report)
  ? readFileSync(report, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Counted)
  : []
rmSync(folder, { recursive: true })
say(`\n${writeReport(promises, ran, counted)}`)

const cutOff = (mode: keyof Ran) => (mode === 'redis' && !redisIsInstalled() ? 0 : wanted[mode].length - ran[mode].size)
const failed = [...ran['in-process'].values(), ...ran.redis.values()].filter((it) => it.failed > 0).length
const missing = cutOff('in-process') + cutOff('redis')
say(failed + missing === 0 ? '\nall held' : `\n${failed} proofs failed, ${missing} did not end`)
process.exitCode = failed + missing === 0 ? 0 : 1
