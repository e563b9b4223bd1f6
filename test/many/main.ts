/**
 * `npm run start:many`: two processes of each role on this machine, with a Redis and a PostgreSQL of their own in a temporary folder
 * (or those of `REDIS_URL` and `DATABASE_URL`), behind one address. What else the environment and `.env` say holds for all of them.
 * Ctrl-C ends everything and leaves nothing behind.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configVariables } from '../../server/config.ts'
import { startEmbedded } from '../../server/database/embedded.ts'
import { environment } from '../../server/environment.ts'
import { createLog } from '../../server/log.ts'
import { startMany } from '../support/many.ts'
import { noRedis, startRedis } from '../support/redis.ts'

const PORT = 3000

/** What has to be ended, in the order in which it was begun. */
const open: (() => Promise<unknown>)[] = []
const said = (line: string) => void process.stdout.write(`${line}\n`)

async function start(): Promise<void> {
  const known = new Set(configVariables())
  const given = Object.fromEntries(
    Object.entries(environment()).flatMap(([name, value]) =>
      known.has(name) && value !== undefined && value !== '' ? [[name, value]] : [],
    ),
  )
  const { PORT: port = String(PORT), ROLE: _, ...settings } = given
  const many = await startMany({
    port: Number(port),
    env: {
      PUBLIC_URL: `http://localhost:${port}`,
      ...settings,
      REDIS_URL: settings.REDIS_URL ?? (await ownRedis()),
      DATABASE_URL: settings.DATABASE_URL ?? (await ownDatabase()),
      ENCRYPTION_KEYS: settings.ENCRYPTION_KEYS ?? `k1:${randomBytes(32).toString('base64')}`,
    },
  })
  open.push(() => many.stop())
  for (const { url, pid } of many.webs) said(`web     ${url}  process ${pid}`)
  for (const { url, pid } of many.workers) said(`worker  ${url}  process ${pid}`)
  said(`all of them: ${many.url} (Ctrl-C ends them)`)
}

async function ownRedis(): Promise<string> {
  if (noRedis !== false) throw new Error(noRedis)
  const redis = await startRedis(['--appendonly', 'yes'])
  open.push(() => redis.stop())
  return redis.url
}

async function ownDatabase(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'leadstage-many-'))
  open.push(() => rm(folder, { recursive: true, force: true }))
  const log = createLog({ level: 'silent' })
  const database = await startEmbedded({ dataDir: join(folder, 'data'), log, settings: { max_connections: '200' } })
  open.push(() => database.stop())
  return database.url
}

async function end(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close()
}

const started = start().catch(async (error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
  await end()
  process.exit()
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await started
    await end()
    process.exit()
  })
}
