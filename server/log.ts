/**
 * Structured logs: one JSON object a line. Two nets keep secrets and personal data out: values under telling names are
 * blanked at any depth, and the finished line is searched for what looks like a token, a password in a URL, an e-mail
 * address, a phone number or a hash of those. Nobody should log such a thing in the first place.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino'
import { CodedError } from '../connectors/errors.ts'

export type Log = Logger

const BLANK = '[redacted]'

/** Names whose value is a secret or tells who somebody is, compared without case, `_` and `-`. */
const TELLING = new Set(
  `authorization cookie setcookie password passwd secret clientsecret clientsecrets appsecret appsecretproof token accesstoken refreshtoken
   apikey encryptionkeys databaseurl signature xhubspotsignaturev3 code body rawbody payload userdata identity profile email emails em phone
   phones ph mobilephone firstname lastname fn ln fullname city ct zip zp postalcode dateofbirth birthdate db gender ge address street fbc fbp
   fbclid clickid`.split(/\s+/),
)

const PATTERNS: [pattern: RegExp, blank: string][] = [
  [/[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu, BLANK],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${BLANK}`],
  // Phone numbers with their country code; SHA-256, which is how Meta gets contact data.
  [/\+\d(?:[ ()./-]{0,2}\d){7,14}/g, BLANK],
  [/\b[a-f\d]{64}\b/gi, BLANK],
  // User or password in a URL.
  [/(\b[a-z][a-z\d+.-]*:\/\/)[^\s"/@]+@/gi, `$1${BLANK}@`],
  [/\b(access_token|refresh_token|client_secret|appsecret_proof|code|fbclid)(=|%3D)[^&\s"]+/gi, `$1$2${BLANK}`],
  // Meta access tokens; HubSpot private app and access tokens; click ids.
  [/\bEA[A-Za-z0-9]{20,}/g, BLANK],
  [/\bpat-[a-z\d]+-[a-z\d-]{20,}/gi, BLANK],
  [/\bfb\.\d\.\d+\.[\w-]+/g, BLANK],
]

export interface LogOptions {
  level?: string
  /** Where lines go: 1 standard output, 2 standard error (the command line), or a stream. */
  to?: 1 | 2 | DestinationStream
}

/** The logger of a process. Loggers of its parts are made with `child`. */
export function createLog({ level = 'info', to = 1 }: LogOptions = {}): Log {
  const sink = typeof to === 'number' ? destination({ dest: to, sync: true }) : to
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => blankNames(fields) as Record<string, unknown>,
      },
      serializers: { err: describeError, error: describeError },
    },
    { write: (line: string) => sink.write(blankPatterns(line)) },
  )
}

function blankPatterns(line: string): string {
  // Fields that a child logger was made with are text already when they come by.
  const named = line.replace(/"([\w-]+)":"((?:[^"\\]|\\.)*)"/g, (pair, name: string, value: string) =>
    tells(name, value) ? `"${name}":"${BLANK}"` : pair,
  )
  return withoutSecrets(named)
}

/** A text with everything blanked that looks like a token, a password in a URL, or somebody's contact data. */
export function withoutSecrets(text: string): string {
  return PATTERNS.reduce((blanked, [pattern, blank]) => blanked.replace(pattern, blank), text)
}

/** `code` is an OAuth code in a query and an error's name in our own logs; the latter is a short word. */
function tells(name: string, value: unknown): boolean {
  if (name === 'code' && (typeof value === 'number' || (typeof value === 'string' && /^[A-Za-z\d_]{1,40}$/.test(value)))) return false
  return value !== undefined && TELLING.has(name.replace(/[_-]/g, '').toLowerCase())
}

/** A copy of `value` with telling names blanked; errors are described, other class instances left alone. */
function blankNames(value: unknown, depth = 0): unknown {
  if (value instanceof Error) return describeError(value)
  if (value === null || typeof value !== 'object') return value
  if (depth > 6) return BLANK
  if (Array.isArray(value)) return value.map((item) => blankNames(item, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, tells(name, inner) ? BLANK : blankNames(inner, depth + 1)]))
}

/** Code and message; for errors that nobody threw on purpose also where they came from. Causes, details and rows stay out. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return blankNames(error)
  const code = (error as { code?: unknown }).code
  const described = { ...(typeof code === 'string' ? { code } : {}), message: error.message }
  if (error instanceof CodedError) return described
  const at = error.stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 4)
    .map((line) => line.trim())
  return { ...described, name: error.name, at }
}
