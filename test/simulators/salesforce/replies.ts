import type { Answer } from '../listen.ts'

/** An error as the REST API tells it: a list of one (REST API guide, status codes and error responses). */
export function restError(status: number, errorCode: string, message: string, fields: string[] = []): Answer {
  return { status, json: [{ message, errorCode, ...(fields.length > 0 && { fields }) }] }
}

/** An error of the OAuth endpoints (RFC 6749, section 5.2). */
export function oauthError(error: string, description: string): Answer {
  return { status: 400, json: { error, error_description: description } }
}

/** The status that goes with an error code. */
export function statusOf(code: string): number {
  if (code === 'NOT_FOUND' || code === 'ENTITY_IS_DELETED') return 404
  if (code.startsWith('INSUFFICIENT_ACCESS') || code === 'REQUEST_LIMIT_EXCEEDED' || code === 'API_DISABLED_FOR_ORG') return 403
  return code === 'INVALID_SESSION_ID' ? 401 : 400
}

/** What an org's edge shows a browser while it is down for maintenance. */
export const maintenancePage = '<html><head><title>Maintenance</title></head><body><h1>We are down for maintenance.</h1></body></html>'
