/** What Docker is told, read as Docker reads it: there need not be one on this machine. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { configVariables, readConfig } from '../server/config.ts'
import { startArguments } from './support/server-process.ts'

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

interface Service {
  image: string
  build?: string
  restart?: string
  ports?: string[]
  command?: string[]
  environment: Record<string, string>
  healthcheck?: { test: string[] }
  networks: string[]
  volumes?: string[]
  stop_grace_period?: string
}
interface Compose {
  services: Record<'web' | 'worker' | 'postgres' | 'redis', Service>
  volumes: Record<string, unknown>
  networks: { inside: { internal: boolean } }
}
const { services, volumes, networks } = parse(read('compose.yaml'), { merge: true }) as Compose

/** Instructions with their lines joined, comments left out. */
const instructions = read('Dockerfile')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '')
const lastStage = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')))

t.test('nothing can be reached from outside but the pages, and those by this machine only', async (t) => {
  t.same(
    Object.entries(services).flatMap(([name, { ports = [] }]) => ports.map((port) => `${name} ${port}`)),
    ['web 127.0.0.1:3000:3000'],
  )
  t.equal(networks.inside.internal, true)
  for (const name of ['postgres', 'redis'] as const) t.same(services[name].networks, ['inside'])
})

t.test('each part starts again by itself, is looked after, and keeps what it has to keep', async (t) => {
  for (const [name, service] of Object.entries(services)) {
    t.equal(service.restart, 'unless-stopped', name)
    t.ok(service.build !== undefined || service.healthcheck !== undefined, `${name} has a health check of its own or that of the image`)
    for (const volume of service.volumes ?? []) t.ok((volume.split(':')[0] as string) in volumes, volume)
  }
  const redis = services.redis.command?.join(' ') ?? ''
  t.match(redis, /--appendonly yes/)
  t.match(redis, /--maxmemory-policy noeviction/)
  t.ok(Number.parseInt(services.worker.stop_grace_period ?? '0', 10) > 12, 'what is under way may finish')
})

t.test('the configuration of both roles is valid, and holds no secret', async (t) => {
  const known = new Set(configVariables())
  for (const role of ['web', 'worker'] as const) {
    const { environment } = services[role]
    t.same(
      Object.keys(environment).filter((name) => !known.has(name)),
      [],
      role,
    )
    const filledIn = Object.entries(environment).map(([name, value]) => [name, value.replace(/\$\{POSTGRES_PASSWORD:\?[^}]*\}/, 'secret')])
    const config = readConfig({
      ...(Object.fromEntries(filledIn) as Record<string, string>),
      ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
    })
    t.match(config, { role, databaseUrl: /:secret@postgres:/, redis: { url: /\/\/redis:/ } })
  }
  const passwords = Object.values(services).flatMap(({ environment = {} }) => [environment.POSTGRES_PASSWORD, environment.DATABASE_URL])
  for (const value of passwords) if (value !== undefined) t.match(value, /\$\{POSTGRES_PASSWORD:\?/)
})

t.test('every image has its version', async (t) => {
  for (const name of ['postgres', 'redis'] as const) t.match(services[name].image, /^\w+:\d+\.\d+(\.\d+)?-\w+$/)
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: { node: string } }
  t.match(instructions[0], new RegExp(`^ARG NODE=${devDependencies.node.replaceAll('.', '\\.')}-`), 'the Node that the tests ran on')
})

t.test('the image runs what npm start runs, as nobody in particular', async (t) => {
  const command = lastStage.find((line) => line.startsWith('CMD '))?.slice(4) ?? ''
  t.same(JSON.parse(command), ['node', ...(await startArguments())])
  t.ok(lastStage.indexOf('USER node') > lastStage.findLastIndex((line) => line.startsWith('COPY ')))
  t.match(
    lastStage.find((line) => line.startsWith('HEALTHCHECK ')),
    /\/healthz/,
  )
})

t.test('all that the image is built from is there, and gets past .dockerignore', async (t) => {
  const past = new Set(
    read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!')),
  )
  const sources = instructions
    .filter((line) => line.startsWith('COPY ') && !line.startsWith('COPY --from'))
    .flatMap((line) => line.split(' ').slice(1, -1))
  t.ok(sources.includes('server'))
  for (const source of sources) {
    t.ok(existsSync(join(root, source)), source)
    t.ok(past.has(`!${source.split('/')[0]}`), source)
  }
})
