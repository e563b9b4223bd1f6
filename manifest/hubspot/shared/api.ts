/** Asks the settings API. HubSpot passes each request on and signs it; nobody signs in. */
import { hubspot } from '@hubspot/ui-extensions'
import { words } from './words.ts'

interface Failure {
  code: string
  /** What happened and what to do. */
  text: string
  field?: string
  changed?: { by: string; at: string; action: string }
}

/** What the API refused, or that it could not be reached (`offline`). */
export class ApiError extends Error {
  readonly code: string
  /** Path of the field that is wrong. */
  readonly field: string | undefined
  /** Who changed what meanwhile. */
  readonly changed: Failure['changed']

  constructor({ code, text, field, changed }: Failure) {
    super(text)
    this.code = code
    this.field = field
    this.changed = changed
  }
}

export interface Api {
  read<T>(path: string): Promise<T>
  /** A question that needs a body and changes nothing. */
  tryOut<T>(path: string, body: object): Promise<T>
  change<T>(method: 'POST' | 'PUT', path: string, body?: object): Promise<T>
}

/** Some questions go on to the CRM or to Meta. */
const TIMEOUT_MS = 30_000

/** All three throw `ApiError`. `origin` is the server's, as it is in the permitted URLs of the app. */
export function createApi(origin: string): Api {
  async function ask<T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: Record<string, unknown>): Promise<T> {
    const offline = () => new ApiError({ code: 'offline', text: words.failed.offline })
    const answer = await hubspot.fetch(`${origin}/api${path}`, { method, timeout: TIMEOUT_MS, ...(body && { body }) }).catch(() => {
      throw offline()
    })
    const read = (await answer.json().catch(() => undefined)) as { ok: true; data: T } | ({ ok: false } & Failure) | undefined
    if (read?.ok === true) return read.data
    // HubSpot says in its own words that it did not get an answer it may pass on.
    throw read?.ok === false ? new ApiError(read) : offline()
  }
  return {
    read: (path) => ask('GET', path),
    tryOut: (path, body) => ask('POST', path, { ...body }),
    // HubSpot asks again by itself where it got no answer: under its id a change happens once.
    change: (method, path, body) => ask(method, path, { ...body, requestId: crypto.randomUUID() }),
  }
}
