/**
 * Asks the settings API. The bearer lives in the memory of the page and nowhere else. The tab keeps the name of its sign-in, which is
 * no secret: with it and the cookie of the browser it goes on after it was loaded anew.
 */
import type { Failure } from '../../../api/answers.ts'
import { words } from '../words.ts'

/** What the API refused, or that it could not be reached (`offline`). */
export class ApiError extends Error {
  readonly code: string
  /** Path of the field that is wrong. */
  readonly field: string | undefined
  /** Who changed what meanwhile. */
  readonly changed: { by: string; at: string; text: string } | undefined

  constructor(failure: Pick<Failure, 'code' | 'text' | 'field'> & { changed?: unknown }) {
    super(failure.text)
    this.code = failure.code
    this.field = failure.field
    this.changed = failure.changed as ApiError['changed']
  }
}

const TIMEOUT_MS = 30_000
/** Eight megabytes over a slow line. */
const FILE_TIMEOUT_MS = 180_000
const TRIES = 3
const PAUSE_MS = 800

export interface Opened {
  bearer: string
  /** After a sign-in of our own: what to give for the next bearer, beside the cookie that the browser keeps for it. */
  renew?: string
  /** Inside a CRM: whom it named when it opened the page. */
  visitor?: { crm: string; account: string; userId: string }
}

interface Around {
  /** The session is over, and there is no next one. */
  onSignedOut: () => void
  /** Asks the CRM around the page; undefined where it gives none. */
  askForSignedRequest: () => Promise<string | undefined>
}

let opened: Opened | undefined
let around: Around | undefined

const SIGN_IN = 'sign-in'

export function keepSession(given: Opened, whatIsAround: Around): void {
  opened = given
  around = whatIsAround
  // Inside a CRM there is none, and nothing may be kept.
  if (given.renew !== undefined) sessionStorage.setItem(SIGN_IN, given.renew)
}

/** The session of a tab that was loaded anew; undefined where it has none, or its sign-in is over. Throws `ApiError`. */
export async function sessionOfTab(): Promise<Opened | undefined> {
  const renew = sessionStorage.getItem(SIGN_IN)
  if (renew === null) return undefined
  return openedAgain(renew).catch(isOver)
}

/** Ends the sign-in of this tab. Throws `ApiError`. */
export async function signOut(): Promise<void> {
  await change('POST', '/session/end').catch(isOver)
  sessionStorage.removeItem(SIGN_IN)
}

function isOver(error: unknown): undefined {
  if (!(error instanceof ApiError) || error.code !== 'signed_out') throw error
}

type Method = 'GET' | 'POST' | 'PUT'

async function send<T>(method: Method, path: string, body: unknown): Promise<T> {
  const isFile = body instanceof ArrayBuffer
  const answer = await fetch(`/api${path}`, {
    method,
    headers: {
      ...(opened !== undefined && { authorization: `Bearer ${opened.bearer}` }),
      ...(body !== undefined && { 'content-type': isFile ? 'text/csv' : 'application/json' }),
    },
    ...(body !== undefined && { body: isFile ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(isFile ? FILE_TIMEOUT_MS : TIMEOUT_MS),
  }).catch(() => {
    throw new ApiError({ code: 'offline', text: words.failed.offline })
  })
  const read = (await answer.json().catch(() => ({ ok: false, code: 'offline', text: words.failed.offline }))) as
    | { ok: true; data: T }
    | (Failure & { ok: false })
  if (read.ok) return read.data
  throw new ApiError(read)
}

let renewing: Promise<void> | undefined

/** Gets the next bearer, once for all who need it. Throws `ApiError`, `signed_out` where there is none to be had. */
function renewed(before: Opened): Promise<void> {
  renewing ??= (before.visitor === undefined ? openedAgain(before.renew) : openedByCrm(before.visitor))
    .then((next) => {
      opened = next
    })
    .finally(() => {
      renewing = undefined
    })
  return renewing
}

async function openedAgain(renew: string | undefined): Promise<Opened> {
  if (renew === undefined) throw signedOutError()
  return send<Opened>('POST', '/session', { renew, requestId: crypto.randomUUID() })
}

async function openedByCrm(visitor: NonNullable<Opened['visitor']>): Promise<Opened> {
  const signedRequest = await around?.askForSignedRequest()
  if (signedRequest === undefined) throw signedOutError()
  const next = await send<Opened>('POST', '/session', { crm: visitor.crm, signedRequest }).catch((error: unknown) => {
    throw error instanceof ApiError && error.code === 'offline' ? error : signedOutError()
  })
  // What is on the page was shown to, and typed by, whoever opened it.
  if (next.visitor?.account !== visitor.account || next.visitor.userId !== visitor.userId) throw signedOutError()
  return next
}

const signedOutError = () => new ApiError({ code: 'signed_out', text: words.outside.over })

/** Tries once more, for somebody whose session is over. Throws `ApiError`. */
export async function resumeSession(): Promise<void> {
  if (opened !== undefined) await renewed(opened)
}

/** Sends it with the bearer that is good now; where none is left to be had, the page is told. */
async function once<T>(method: Method, path: string, body: unknown): Promise<T> {
  const before = opened
  try {
    return await send<T>(method, path, body)
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'signed_out' || before === undefined) throw error
    // Another request may have brought the next one meanwhile.
    if (opened === before) {
      try {
        await renewed(before)
      } catch (refusal) {
        if (refusal instanceof ApiError && refusal.code === 'signed_out') around?.onSignedOut()
        throw refusal
      }
    }
    return send<T>(method, path, body)
  }
}

/** Throws `ApiError`. */
export const read = <T>(path: string): Promise<T> => once<T>('GET', path, undefined)

/** A question that needs a body and changes nothing. Throws `ApiError`. */
export const tryOut = <T>(path: string, body: object): Promise<T> => once<T>('POST', path, body)

/** A table as it is. Throws `ApiError`. */
export const sendTable = <T>(path: string, table: ArrayBuffer): Promise<T> => once<T>('POST', path, table)

/** A change happens once, however often a bad network has it asked for. Throws `ApiError`. */
export async function change<T>(method: 'POST' | 'PUT', path: string, body: object = {}): Promise<T> {
  const request = { ...body, requestId: crypto.randomUUID() }
  for (let tries = 1; ; tries++) {
    try {
      return await once<T>(method, path, request)
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'offline' || tries === TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * tries))
    }
  }
}
