import { randomUUID } from 'node:crypto'
import type { Answer } from '../listen.ts'

export interface ErrorDetail {
  message: string
  code?: string
  context?: Record<string, string[]>
}

/** An answer with the error body that all of HubSpot's CRM calls share (error handling). */
export function crmError(
  status: number,
  category: string,
  message: string,
  more: { errors?: ErrorDetail[]; context?: Record<string, string[]>; headers?: Record<string, string> } = {},
): Answer {
  const { headers, ...rest } = more
  return { status, headers, json: { status: 'error', message, correlationId: randomUUID(), category, ...rest } }
}

export function validationError(message: string): Answer {
  return crmError(400, 'VALIDATION_ERROR', message)
}

export function missingScopes(scopes: string[]): Answer {
  return crmError(403, 'MISSING_SCOPES', 'the app was not granted the scopes that this call needs', {
    errors: [{ message: 'one of these scopes is needed', context: { requiredGranularScopes: scopes } }],
  })
}

/** 429 as the usage guidelines show it. */
export function rateLimited(policyName: 'TEN_SECONDLY_ROLLING' | 'SECONDLY' | 'DAILY', headers?: Record<string, string>): Answer {
  const message = `the limit ${policyName === 'SECONDLY' ? 'secondly' : policyName.toLowerCase()} was reached`
  return { status: 429, headers, json: { status: 'error', message, errorType: 'RATE_LIMIT', correlationId: randomUUID(), policyName } }
}

/** The error that the OAuth endpoints answer with; dated endpoints carry both vocabularies. */
export function oauthError(status: string, error: string, message: string, httpStatus = 400): Answer {
  return { status: httpStatus, json: { status, message, correlationId: randomUUID(), error, error_description: message } }
}

const plain: Record<number, [category: string, message: string]> = {
  401: ['EXPIRED_AUTHENTICATION', 'the access token has expired'],
  403: ['MISSING_SCOPES', 'the app was not granted the scopes that this call needs'],
  404: ['OBJECT_NOT_FOUND', 'resource not found'],
  409: ['CONFLICT', 'the resource was changed by someone else'],
  423: ['LOCKED', 'the resource is locked, try again in two seconds'],
  477: ['MIGRATION_IN_PROGRESS', 'the account is moving to another data center'],
}

/** The usual answer with a given status, for failures on demand. 477 says how long to wait, in seconds. */
export function usualError(status: number, retryAfter?: number): Answer {
  const headers = retryAfter === undefined ? undefined : { 'retry-after': String(retryAfter) }
  if (status === 429) return rateLimited('TEN_SECONDLY_ROLLING', headers)
  const [category, message] =
    plain[status] ?? (status >= 500 ? ['INTERNAL_ERROR', 'internal error'] : ['VALIDATION_ERROR', 'invalid input'])
  return crmError(status, category, message, headers === undefined ? {} : { headers })
}
