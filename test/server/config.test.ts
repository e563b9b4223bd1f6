import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { GRAPH_API } from '../../connectors/graph/version.ts'
import { connectors } from '../../connectors/registry.ts'
import { configVariables, readConfig } from '../../server/config.ts'

const key = Buffer.alloc(32, 7).toString('base64')
const otherKey = Buffer.alloc(32, 8).toString('base64')

/** The lines of the error, one for each problem. */
function problems(env: Record<string, string>): string[] {
  try {
    readConfig(env)
  } catch (error) {
    t.match(error, { code: 'config_invalid' })
    return (error as { userText: string }).userText
      .split('\n')
      .slice(1)
      .map((line) => line.trim())
  }
  return []
}

t.test('nothing needs to be set', async (t) => {
  const config = readConfig({})
  t.match(config, {
    port: 3000,
    publicUrl: 'http://localhost:3000',
    databaseUrl: undefined,
    encryptionKeys: undefined,
    crm: {},
    meta: { graphUrl: 'https://graph.facebook.com', graphVersion: GRAPH_API.version },
    eventMaxAgeMs: 604_200_000,
    batchLimit: 100,
  })
})

t.test('an empty variable counts as not set', async (t) => {
  t.same(readConfig(Object.fromEntries(configVariables().map((name) => [name, ' ']))), readConfig({}))
})

t.test('several processes need a database that they can share, and roles need Redis', async (t) => {
  const DATABASE_URL = 'postgres://u:p@db/leadstage'
  const REDIS_URL = 'rediss://u:p@redis:6380/1'
  const ENCRYPTION_KEYS = `k1:${key}`
  t.match(problems({ REDIS_URL }), [/^REDIS_URL needs DATABASE_URL/])
  t.match(problems({ DATABASE_URL, ENCRYPTION_KEYS, ROLE: 'worker' }), [/^ROLE needs REDIS_URL/])
  t.match(problems({ DATABASE_URL, ENCRYPTION_KEYS, REDIS_URL: 'http://redis', ROLE: 'boss' }), [/^REDIS_URL must be/, /^ROLE/])
  t.match(readConfig({ DATABASE_URL, ENCRYPTION_KEYS, REDIS_URL, ROLE: 'web' }), {
    redis: { url: REDIS_URL, prefix: 'leadstage' },
    role: 'web',
  })
  t.match(readConfig({}), { redis: undefined, role: 'all' })
})

t.test('every variable is explained in .env.example, with the default the code has', async (t) => {
  const text = await readFile(join(import.meta.dirname, '../../.env.example'), 'utf8')
  const lines = text.split('\n')
  const entries = lines.flatMap((line, index) => {
    const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? []
    return name === undefined ? [] : [{ name, value: value as string, explained: /^# \S/.test(lines[index - 1] ?? '') }]
  })
  t.same(entries.map(({ name }) => name).sort(), configVariables().sort())
  t.same(
    entries.filter(({ explained }) => !explained),
    [],
  )
  t.same(readConfig(Object.fromEntries(entries.map(({ name, value }) => [name, value]))), readConfig({}))
})

t.test('every connector gets its credentials under its own name, and is off without them', async (t) => {
  for (const [id, { manifest }] of Object.entries(connectors)) {
    if (manifest.api === undefined || manifest.api.ofMeta) continue
    const prefix = id.toUpperCase()
    const env = { [`${prefix}_APP_ID`]: '123', [`${prefix}_CLIENT_ID`]: 'client', [`${prefix}_CLIENT_SECRET`]: 'new, old' }
    t.same(readConfig(env).crm[id], {
      appId: '123',
      clientId: 'client',
      clientSecrets: ['new', 'old'],
      baseUrl: manifest.api.baseUrl,
      ...(manifest.api.streamUrl !== undefined && { streamUrl: manifest.api.streamUrl }),
    })
    if (manifest.api.streamUrl !== undefined)
      t.same(readConfig({ ...env, [`${prefix}_STREAM_URL`]: 'http://127.0.0.1:8/' }).crm[id]?.streamUrl, 'http://127.0.0.1:8')
    t.same(readConfig({ ...env, [`${prefix}_API_URL`]: 'http://127.0.0.1:9/' }).crm[id]?.baseUrl, 'http://127.0.0.1:9')
    t.same(problems({ [`${prefix}_APP_ID`]: '123' }), [
      `${prefix}_CLIENT_ID is missing: the credentials of a CRM go together`,
      `${prefix}_CLIENT_SECRET is missing: the credentials of a CRM go together`,
    ])
    t.same(problems({ ...env, [`${prefix}_CLIENT_SECRET`]: 'new,' }), [`${prefix}_CLIENT_SECRET has an empty entry`])
  }
})

t.test('what is of Meta itself is reached through our app at Meta, in the version that events are sent with', async (t) => {
  const env = { META_APP_ID: '1234567', META_APP_SECRET: 'secret', META_GRAPH_URL: 'http://127.0.0.1:9', META_GRAPH_VERSION: 'v25.0' }
  const ofMeta = Object.entries(connectors).filter(([, { manifest }]) => manifest.api?.ofMeta)
  t.ok(ofMeta.length > 0)
  for (const [id] of ofMeta) {
    t.equal(readConfig({}).crm[id], undefined, `${id} is off without the app`)
    t.match(readConfig({ ...env, META_VERIFY_TOKEN: 'a-word-of-ours' }).crm[id], {
      ...{ appId: '1234567', clientId: '1234567', clientSecrets: ['secret'], verifyToken: 'a-word-of-ours' },
      ...{ baseUrl: 'http://127.0.0.1:9/v25.0', signInUrl: 'https://www.facebook.com/v25.0' },
    })
  }
  t.match(problems({ META_VERIFY_TOKEN: 'a-word-of-ours' }), ['META_VERIFY_TOKEN needs META_APP_ID'])
})

t.test('a public URL loses its last slash and must be encrypted unless it is this machine', async (t) => {
  t.equal(readConfig({ PUBLIC_URL: 'https://leads.example.com/' }).publicUrl, 'https://leads.example.com')
  for (const url of ['http://localhost:8080', 'http://127.0.0.1:1', 'http://[::1]:1'])
    t.equal(readConfig({ PUBLIC_URL: url }).publicUrl, url)
  for (const url of [
    'http://leads.example.com',
    'http://localhost.example.com',
    'leads.example.com',
    'ftp://localhost',
    'https://me:pw@example.com',
  ]) {
    t.match(problems({ PUBLIC_URL: url }), [/^PUBLIC_URL must be/], url)
  }
})

t.test('encryption keys are read in order, and needed with a database of one’s own', async (t) => {
  t.same(readConfig({ ENCRYPTION_KEYS: `k2:${otherKey},k1:${key}` }).encryptionKeys, [
    { id: 'k2', key: Buffer.alloc(32, 8) },
    { id: 'k1', key: Buffer.alloc(32, 7) },
  ])
  const databaseUrl = 'postgres://me:pw@db.example.com/leads'
  t.match(problems({ DATABASE_URL: databaseUrl }), [/^ENCRYPTION_KEYS is needed with DATABASE_URL/])
  t.equal(readConfig({ DATABASE_URL: databaseUrl, ENCRYPTION_KEYS: `k1:${key}` }).databaseUrl, databaseUrl)
})

t.test('each mistake has one line that names the variable and repeats no value', async (t) => {
  const env = {
    PORT: 'canary-port',
    PUBLIC_URL: 'http://canary.example.com',
    DATABASE_URL: 'mysql://canary:canary@host/db',
    ENCRYPTION_KEYS: 'k1:canary0canary',
    LOG_LEVEL: 'canary-level',
    META_GRAPH_VERSION: 'canary',
    META_PARTNER_AGENT: 'canary-that-is-far-too-long',
    META_TIMEOUT_MS: '60000',
    EVENT_MAX_AGE_SECONDS: '604801',
    BATCH_LIMIT: '1001',
    SMTP_URL: 'https://canary:canary@mail.example.com',
    MAIL_FROM: 'canary',
    METRICS_TOKEN: 'canary',
  }
  const lines = problems(env)
  t.same(lines.map((line) => line.split(' ')[0]).sort(), Object.keys(env).sort())
  t.notMatch(lines.join('\n'), /canary/)
})

t.test('a mail server goes with a sender', async (t) => {
  const SMTP_URL = 'smtps://me:pw@mail.example.com:465'
  for (const MAIL_FROM of ['leadstage@example.com', 'Leadstage <leadstage@example.com>'])
    t.same(readConfig({ SMTP_URL, MAIL_FROM }).mail, { url: SMTP_URL, from: MAIL_FROM })
  t.same(problems({ SMTP_URL }), ['SMTP_URL and MAIL_FROM go together'])
  t.same(problems({ MAIL_FROM: 'leadstage@example.com' }), ['SMTP_URL and MAIL_FROM go together'])
  for (const MAIL_FROM of ['Leadstage', 'a@example.com\r\nBcc: b@example.com', 'a@example.com, b@example.com'])
    t.match(problems({ SMTP_URL, MAIL_FROM }), [/^MAIL_FROM must look like/], MAIL_FROM)
})

t.test('a partner agent has two to 22 characters, two of them letters', async (t) => {
  for (const good of ['ab', 'a1b', 'Leadstage_1.0-22-chars']) t.equal(readConfig({ META_PARTNER_AGENT: good }).meta.partnerAgent, good)
  for (const bad of ['a1', '12', 'a', 'Leadstage_1.0-23-charss', 'two words']) t.equal(problems({ META_PARTNER_AGENT: bad }).length, 1, bad)
})

t.test('proxies are so many, or at these addresses; nobody may believe everybody', async (t) => {
  t.equal(readConfig({}).trustProxy, undefined)
  t.equal(readConfig({ TRUST_PROXY: ' 2 ' }).trustProxy, 2)
  t.same(readConfig({ TRUST_PROXY: '10.0.0.0/8, ::1,loopback' }).trustProxy, ['10.0.0.0/8', '::1', 'loopback'])
  for (const TRUST_PROXY of ['true', '0', '10', '*', '0.0.0.0/0', '::/0', '10.0.0.0/33', '10.0.0.0/8/8', 'proxy.example.com', '10.0.0.1,'])
    t.match(problems({ TRUST_PROXY }), [/^TRUST_PROXY must be a number of hops/], TRUST_PROXY)
})
