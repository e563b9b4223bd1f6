/**
 * Configuration: everything a process is told from outside, read once from its environment. A start with a mistake in it
 * fails at once, with one line for each problem; values are never repeated, because they may be secret.
 */
import { isIP } from 'node:net'
import { z } from 'zod'
import type { AppCredentials, Connector } from '../connectors/connector.ts'
import { CodedError } from '../connectors/errors.ts'
import { GRAPH_API } from '../connectors/graph/version.ts'
import { connectors } from '../connectors/registry.ts'
import { parseKeys } from './connections/keys.ts'
import type { EncryptionKey } from './connections/vault.ts'
import type { MetaApp } from './meta/app.ts'

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .trim()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must lie between ${least} and ${most}`)

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\]|.*\.localhost)$/

/** An origin (and path) without a slash at its end; https unless it stays on this machine. */
const baseUrl = z
  .string()
  .transform((text) => text.replace(/\/+$/, ''))
  .superRefine((text, context) => {
    const url = URL.parse(text)
    const say = (message: string) => context.addIssue({ code: 'custom', message })
    if (url === null || !/^https?:$/.test(url.protocol)) say('must be an http(s) URL')
    else if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) say('must begin with https:// unless it is this machine')
    else if (url.username || url.password || url.search || url.hash) say('must be a plain URL without user, query or fragment')
  })

const keys = z.string().transform((text, context): EncryptionKey[] => {
  const parsed = parseKeys(text)
  if ('keys' in parsed) return parsed.keys
  context.addIssue({ code: 'custom', message: parsed.problem })
  return z.NEVER
})

const postgresUrl = z.string().refine((text) => /^postgres(ql)?:$/.test(URL.parse(text)?.protocol ?? ''), 'must be a postgres:// URL')

const redisUrl = z.string().refine((text) => /^rediss?:$/.test(URL.parse(text)?.protocol ?? ''), 'must be a redis:// or rediss:// URL')

const smtpUrl = z.string().refine((text) => {
  const url = URL.parse(text)
  return url !== null && /^smtps?:$/.test(url.protocol) && url.hostname !== ''
}, 'must be an smtp:// or smtps:// URL')

/** A number of hops, or addresses, networks and the names that stand for some. Whom nobody trusts could say who asks. */
const proxies = z.string().transform((text, context): number | string[] => {
  const list = text.split(',').map((entry) => entry.trim())
  if (list.length === 1 && /^[1-9]$/.test(list[0] ?? '')) return Number(list[0])
  if (list.every(isProxy)) return list
  context.addIssue({ code: 'custom', message: 'must be a number of hops (1 to 9), or IP addresses and networks with commas between' })
  return z.NEVER
})

function isProxy(entry: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(entry)) return true
  const [address = '', bits, ...more] = entry.split('/')
  const longest = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  // No network of all addresses: that would be to believe everybody.
  return longest > 0 && more.length === 0 && (bits === undefined || (/^[1-9]\d*$/.test(bits) && Number(bits) <= longest))
}

const variables = z.object({
  PORT: wholeNumber(0, 65_535).default(3000),
  HOST: z.string().default('127.0.0.1'),
  // With what is under way it has to fit into the 30 seconds that platforms give.
  STOP_DELAY_MS: wholeNumber(0, 15_000).default(0),
  PUBLIC_URL: baseUrl.optional(),
  TRUST_PROXY: proxies.optional(),
  DATABASE_URL: postgresUrl.optional(),
  REDIS_URL: redisUrl.optional(),
  REDIS_PREFIX: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"')
    .default('leadstage'),
  ROLE: z.enum(['all', 'web', 'worker']).default('all'),
  DATA_DIR: z.string().default('./data'),
  ENCRYPTION_KEYS: keys.optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  BODY_LIMIT_BYTES: wholeNumber(16_384, 16_777_216).default(1_048_576),
  META_GRAPH_URL: baseUrl.default('https://graph.facebook.com'),
  META_GRAPH_VERSION: z
    .string()
    .regex(/^v\d+\.\d+$/, 'must look like v1.0')
    .default(GRAPH_API.version),
  // Shorter than 23 characters, at least two letters (Meta, setup as a platform).
  META_PARTNER_AGENT: z
    .string()
    .regex(/^(?=(?:.*[A-Za-z]){2})[\w.-]{2,22}$/, 'must be 2 to 22 letters, digits, ".", "_" or "-", two of them letters')
    .optional(),
  // Our app at Meta. Without it datasets are opened by pasted tokens only.
  META_APP_ID: z
    .string()
    .regex(/^\d{5,20}$/, 'must be a number of 5 to 20 digits')
    .optional(),
  META_APP_SECRET: z.string().optional(),
  META_LOGIN_CONFIG: z
    .string()
    .regex(/^\d{5,20}$/, 'must be a number of 5 to 20 digits')
    .optional(),
  META_PAGES_CONFIG: z
    .string()
    .regex(/^\d{5,20}$/, 'must be a number of 5 to 20 digits')
    .optional(),
  META_VERIFY_TOKEN: z
    .string()
    .trim()
    .regex(/^[\w-]{8,100}$/, 'must be 8 to 100 letters, digits, "_" or "-"')
    .optional(),
  META_DIALOG_URL: baseUrl.default('https://www.facebook.com'),
  META_BUSINESS_ID: z
    .string()
    .regex(/^\d{5,20}$/, 'must be a number of 5 to 20 digits')
    .optional(),
  META_SYSTEM_USER_TOKEN: z.string().optional(),
  META_BUSINESS_EXTENSION: z.enum(['on', 'off']).default('off'),
  // A request has to fit into the lease under which it is made (12 s).
  META_TIMEOUT_MS: wholeNumber(100, 11_000).default(10_000),
  // Meta refuses a whole batch for one event older than seven days; ten minutes are left for the way there.
  EVENT_MAX_AGE_SECONDS: wholeNumber(60, 604_800).default(604_200),
  EVENT_MAX_FUTURE_SECONDS: wholeNumber(0, 3_600).default(300),
  BATCH_LIMIT: wholeNumber(1, 1_000).default(100),
  IDENTITY_TTL_SECONDS: wholeNumber(0, 86_400).default(300),
  LEDGER_DAYS: wholeNumber(8, 3_650).default(90),
  // Meta takes events for seven days: an account that comes back after its data is gone must not have any sent twice.
  RETENTION_DAYS: wholeNumber(7, 3_650).default(30),
  WAIT_FOR_LEAD_DAYS: wholeNumber(0, 30).default(7),
  CATCH_UP_MINUTES: wholeNumber(1, 1_440).default(30),
  SMTP_URL: smtpUrl.optional(),
  MAIL_FROM: z
    .string()
    .trim()
    .regex(/^([^<>@\p{Cc}]+<)?[^\s<>@]+@[\w.-]+>?$/u, 'must look like leadstage@example.com or Leadstage <leadstage@example.com>')
    .optional(),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\w.~+/=-]{16,}$/, 'must be at least 16 letters, digits or any of - . _ ~ + / =')
    .optional(),
})

/** Variables that mean nothing without another. */
const needs = [
  ['META_APP_ID', 'META_APP_SECRET'],
  ['META_APP_SECRET', 'META_APP_ID'],
  ['META_LOGIN_CONFIG', 'META_APP_ID'],
  ['META_PAGES_CONFIG', 'META_APP_ID'],
  ['META_VERIFY_TOKEN', 'META_APP_ID'],
  ['META_BUSINESS_ID', 'META_SYSTEM_USER_TOKEN'],
  ['META_SYSTEM_USER_TOKEN', 'META_BUSINESS_ID'],
  ['META_SYSTEM_USER_TOKEN', 'META_APP_ID'],
] as const

/** What every connector needs from configuration, under the upper-case id of its CRM. */
const crmVariables = ['APP_ID', 'CLIENT_ID', 'CLIENT_SECRET', 'API_URL'] as const
/** And where the CRM has a stream. */
const streamVariable = 'STREAM_URL'

export interface Config {
  /** 0 picks a free one. */
  port: number
  host: string
  /** How long requests are still taken once the process is told to stop, while `/readyz` says no. */
  stopDelayMs: number
  /** Origin under which CRMs and people reach us, without a slash at its end. */
  publicUrl: string
  /** Whose `X-Forwarded-For` is believed: that of so many proxies in front, or of those at these addresses. Absent: nobody's. */
  trustProxy?: number | string[]
  /** Absent: the embedded PostgreSQL in `dataDir`. */
  databaseUrl?: string
  /** What processes share their work by, under keys that begin with `prefix`. Absent: this process works alone. */
  redis?: { url: string; prefix: string }
  /** `web` takes requests, `worker` does the work, `all` both. */
  role: 'all' | 'web' | 'worker'
  dataDir: string
  /** First seals, all open. Absent: the key file in `dataDir`. */
  encryptionKeys?: EncryptionKey[]
  logLevel: string
  bodyLimitBytes: number
  /** Our credentials by connector id; a CRM without them is off. */
  crm: Record<string, AppCredentials>
  meta: { graphUrl: string; graphVersion: string; partnerAgent?: string; timeoutMs: number; app?: MetaApp }
  /** Oldest and furthest future time that an event may have when it is sent. */
  eventMaxAgeMs: number
  eventMaxFutureMs: number
  /** Conversion events in one request. */
  batchLimit: number
  /** How long a looked-up identity is taken for current. */
  identityTtlMs: number
  ledgerDays: number
  /** How long what was known through an uninstalled connection is kept. */
  retentionDays: number
  /** How long a record without a lead is looked up again. */
  waitForLeadDays: number
  /** Between two looks into a CRM's history for changes that nobody told us of. */
  catchUpMs: number
  /** Where mails are handed in, and from whom they are. Absent: none are sent. */
  mail?: { url: string; from: string }
  /** Who has it may read the metrics. Absent: there are none. */
  metricsToken?: string
}

/** Names of all variables that `readConfig` knows. */
export function configVariables(registry: Registry = connectors): string[] {
  const ofCrms = Object.entries(registry).flatMap(
    ([
      id,
      {
        manifest: { api },
      },
    ]) =>
      api === undefined || api.ofMeta
        ? []
        : [...crmVariables, ...(api.streamUrl === undefined ? [] : [streamVariable])].map((name) => variableOf(id, name)),
  )
  return [...Object.keys(variables.shape), ...ofCrms]
}

type Registry = Readonly<Record<string, Pick<Connector, 'manifest'>>>

/**
 * Reads the configuration; an empty variable counts as not set. Throws `CodedError` `config_invalid`, whose text has one line
 * for each problem.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>, registry: Registry = connectors): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''))
  const parsed = variables.safeParse(set)
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`)
  const crm: Record<string, AppCredentials> = {}
  for (const [id, { manifest }] of Object.entries(registry)) {
    if (manifest.api === undefined || manifest.api.ofMeta) continue
    const credentials = readCredentials(id, manifest.api, set, problems)
    if (credentials !== undefined) crm[id] = credentials
  }
  for (const [name, needed] of needs) if (set[name] !== undefined && set[needed] === undefined) problems.push(`${name} needs ${needed}`)
  if (set.DATABASE_URL !== undefined && set.ENCRYPTION_KEYS === undefined) {
    problems.push('ENCRYPTION_KEYS is needed with DATABASE_URL (for example k1: followed by the output of: openssl rand -base64 32)')
  }
  if (set.REDIS_URL !== undefined && set.DATABASE_URL === undefined) {
    problems.push('REDIS_URL needs DATABASE_URL: several processes cannot share the PostgreSQL that one of them keeps for itself')
  }
  if (set.ROLE !== undefined && set.ROLE !== 'all' && set.REDIS_URL === undefined) {
    problems.push('ROLE needs REDIS_URL, by which processes of different roles share the work')
  }
  if ((set.SMTP_URL === undefined) !== (set.MAIL_FROM === undefined)) problems.push('SMTP_URL and MAIL_FROM go together')
  if (set.META_BUSINESS_EXTENSION === 'on' && set.META_APP_ID === undefined) problems.push('META_BUSINESS_EXTENSION needs META_APP_ID')
  if (!parsed.success || problems.length > 0) throw invalid(problems)
  const values = parsed.data
  return {
    port: values.PORT,
    host: values.HOST,
    stopDelayMs: values.STOP_DELAY_MS,
    publicUrl: values.PUBLIC_URL ?? `http://localhost:${values.PORT}`,
    trustProxy: values.TRUST_PROXY,
    databaseUrl: values.DATABASE_URL,
    ...(values.REDIS_URL !== undefined && { redis: { url: values.REDIS_URL, prefix: values.REDIS_PREFIX } }),
    role: values.ROLE,
    dataDir: values.DATA_DIR,
    encryptionKeys: values.ENCRYPTION_KEYS,
    logLevel: values.LOG_LEVEL,
    bodyLimitBytes: values.BODY_LIMIT_BYTES,
    crm: { ...crm, ...crmOfMeta(registry, values) },
    meta: {
      graphUrl: values.META_GRAPH_URL,
      graphVersion: values.META_GRAPH_VERSION,
      partnerAgent: values.META_PARTNER_AGENT,
      timeoutMs: values.META_TIMEOUT_MS,
      ...metaApp(values),
    },
    eventMaxAgeMs: values.EVENT_MAX_AGE_SECONDS * 1000,
    eventMaxFutureMs: values.EVENT_MAX_FUTURE_SECONDS * 1000,
    batchLimit: values.BATCH_LIMIT,
    identityTtlMs: values.IDENTITY_TTL_SECONDS * 1000,
    ledgerDays: values.LEDGER_DAYS,
    retentionDays: values.RETENTION_DAYS,
    waitForLeadDays: values.WAIT_FOR_LEAD_DAYS,
    catchUpMs: values.CATCH_UP_MINUTES * 60_000,
    ...(values.SMTP_URL !== undefined && values.MAIL_FROM !== undefined && { mail: { url: values.SMTP_URL, from: values.MAIL_FROM } }),
    metricsToken: values.METRICS_TOKEN,
  }
}

function variableOf(connectorId: string, name: string): string {
  return `${connectorId.toUpperCase().replaceAll('-', '_')}_${name}`
}

/** All three or none; problems are added to `problems`. */
function readCredentials(
  id: string,
  vendor: { baseUrl: string; streamUrl?: string },
  set: Record<string, string | undefined>,
  problems: string[],
): AppCredentials | undefined {
  const [appId, clientId, secrets] = (['APP_ID', 'CLIENT_ID', 'CLIENT_SECRET'] as const).map((name) => set[variableOf(id, name)]?.trim())
  const origin = (name: string, ofVendor: string) => {
    const url = baseUrl.safeParse(set[variableOf(id, name)] ?? ofVendor)
    if (!url.success) problems.push(`${variableOf(id, name)} ${url.error.issues[0]?.message}`)
    return url.data ?? ofVendor
  }
  const urls = {
    baseUrl: origin('API_URL', vendor.baseUrl),
    ...(vendor.streamUrl !== undefined && { streamUrl: origin(streamVariable, vendor.streamUrl) }),
  }
  if (appId === undefined && clientId === undefined && secrets === undefined) return undefined
  for (const name of ['APP_ID', 'CLIENT_ID', 'CLIENT_SECRET'] as const) {
    if (set[variableOf(id, name)] === undefined) problems.push(`${variableOf(id, name)} is missing: the credentials of a CRM go together`)
  }
  const clientSecrets = (secrets ?? '').split(',').map((secret) => secret.trim())
  if (secrets !== undefined && clientSecrets.includes('')) problems.push(`${variableOf(id, 'CLIENT_SECRET')} has an empty entry`)
  return { appId: appId ?? '', clientId: clientId ?? '', clientSecrets, ...urls }
}

/** What is Meta's own is reached through our app at Meta. */
function crmOfMeta(registry: Registry, values: z.output<typeof variables>): Record<string, AppCredentials> {
  const { META_APP_ID: id, META_APP_SECRET: secret, META_GRAPH_VERSION: version } = values
  const { META_PAGES_CONFIG: loginConfig, META_VERIFY_TOKEN: verifyToken } = values
  if (id === undefined || secret === undefined) return {}
  const app: AppCredentials = {
    ...{ appId: id, clientId: id, clientSecrets: [secret] },
    ...{ baseUrl: `${values.META_GRAPH_URL}/${version}`, signInUrl: `${values.META_DIALOG_URL}/${version}` },
    ...(loginConfig !== undefined && { loginConfig }),
    ...(verifyToken !== undefined && { verifyToken }),
  }
  const ofMeta = Object.entries(registry).filter(([, { manifest }]) => manifest.api?.ofMeta)
  return Object.fromEntries(ofMeta.map(([crm]) => [crm, app]))
}

/** Secrets without the app that they belong to are of no use. */
function metaApp(values: z.output<typeof variables>): { app?: MetaApp } {
  const { META_APP_ID: id, META_APP_SECRET: secret, META_LOGIN_CONFIG: loginConfig, META_DIALOG_URL: dialogUrl } = values
  const { META_BUSINESS_ID: business, META_SYSTEM_USER_TOKEN: token, META_BUSINESS_EXTENSION: extension } = values
  if (id === undefined || secret === undefined) return {}
  return {
    app: {
      ...{ id, secret, dialogUrl },
      ...(loginConfig !== undefined && { loginConfig }),
      ...(business !== undefined && token !== undefined && { business: { id: business, token } }),
      ...(extension === 'on' && { extension: true }),
    },
  }
}

function invalid(problems: readonly string[]): CodedError {
  return new CodedError({
    code: 'config_invalid',
    retry: 'never',
    scope: 'connection',
    userText: `The configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${problems.map((line) => `  ${line}`).join('\n')}`,
  })
}
