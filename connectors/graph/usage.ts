/** Response headers with lower-case names, as undici gives them. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

/** What Meta's usage headers say of the limits that a request counted against. */
export interface Usage {
  /** The fullest of all limits named, in per cent; calls are refused from 100 on. 0 where no header told. */
  percent: number
  /** The longest time until a closed business object opens again, in ms; 0 where none is closed. */
  regainMs: number
  /** When the ad account's window starts anew, in ms from now; it matters only while Meta refuses calls. */
  resetMs: number
}

const STEP_MS = 60_000
const STEP_CAP_MS = 3_600_000
/** No block is documented to last longer; a header that claims more is broken. */
const CLAIM_CAP_MS = 24 * 3_600_000

const PERCENTAGES = ['call_count', 'total_time', 'total_cputime', 'acc_id_util_pct'] as const

/**
 * Reads the usage headers of an answer: `X-App-Usage`, `X-Business-Use-Case-Usage` (written `X-Business-Use-Case` in
 * places) and `X-Ad-Account-Usage` (Meta, Graph API and Marketing API rate limiting). `estimated_time_to_regain_access`
 * counts minutes, `reset_time_duration` seconds. A header that cannot be read is passed over.
 */
export function readUsage(headers: ResponseHeaders): Usage {
  const limits = [
    ...objectsIn(headers['x-app-usage']),
    ...objectsIn(headers['x-ad-account-usage']),
    ...objectsIn(headers['x-business-use-case-usage']),
    ...objectsIn(headers['x-business-use-case']),
  ]
  return {
    percent: highest(limits.flatMap((limit) => PERCENTAGES.map((name) => limit[name]))),
    regainMs: claim(limits, 'estimated_time_to_regain_access', 60_000),
    resetMs: claim(limits, 'reset_time_duration', 1_000),
  }
}

/**
 * How long to leave Meta alone after it throttled us: the longest of what its headers ask for and of an exponential step
 * that starts at a minute and stays under an hour. Calling on while throttled makes the block longer.
 *
 * @param attempt how many times in a row we were throttled, from 1
 * @returns milliseconds
 */
export function throttleWait({ regainMs = 0, resetMs = 0 }: Partial<Usage>, attempt: number): number {
  const step = Math.min(STEP_CAP_MS, STEP_MS * 2 ** (Math.max(1, attempt) - 1))
  return Math.max(regainMs, resetMs, step)
}

function claim(limits: Record<string, unknown>[], name: string, unitMs: number): number {
  return Math.min(CLAIM_CAP_MS, highest(limits.map((limit) => limit[name])) * unitMs)
}

function highest(values: unknown[]): number {
  return values.reduce<number>((most, value) => (typeof value === 'number' && value > most ? value : most), 0)
}

/** The limit objects of one header: the object itself, or those in the lists of an object keyed by business. */
function objectsIn(header: string | string[] | undefined): Record<string, unknown>[] {
  return [header ?? []].flat().flatMap((text) => {
    const value = parsed(text)
    if (!isObject(value)) return []
    const lists = Object.values(value).filter(Array.isArray)
    return lists.length > 0 ? lists.flat().filter(isObject) : [value]
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
