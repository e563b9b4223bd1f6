/** Errors as the settings API answers them. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { CodedError } from '../../../connectors/errors.ts'
import { databaseCode } from '../../database/errors.ts'
import { describeIssue } from '../problem.ts'
import type { Failure } from './answers.ts'
import { Outdated } from './outdated.ts'

const statuses: Readonly<Record<number, readonly string[]>> = {
  400: [
    'invalid_input',
    'signature_missing',
    'signature_malformed',
    'visitor_missing',
    'signed_request_unreadable',
    'signed_request_not_understood',
  ],
  401: [
    ...['signed_out', 'signature_wrong', 'signature_stale', 'signature_from_future', 'other_app'],
    ...['signed_request_used', 'visitor_gone', 'code_spent'],
  ],
  403: ['not_admin', 'admin_unknown'],
  409: ['outdated', 'recipient_exists', 'not_connected', 'mapping_renames_sent', 'under_way', 'backfill_state', 'backfill_under_way'],
}

/** SQLSTATE of what PostgreSQL does not keep: the sign NUL and broken Unicode in text and JSON, years that are too far away. */
const unkeepable: readonly (string | undefined)[] = ['22021', '22P05', '22P02', '22008']

/** The status of a refusal, where no CRM stands between. Pure. */
export function statusOf({ code, retry }: Pick<CodedError, 'code' | 'retry'>): number {
  const [known] = Object.entries(statuses).find(([, codes]) => codes.includes(code)) ?? []
  if (known !== undefined) return Number(known)
  if (retry !== 'never') return 503
  return code.endsWith('_unknown') ? 404 : 422
}

/** Answers with what went wrong. A CRM that draws the page itself passes on nothing but 200, so what was to be expected comes with that. */
export function answerFailure(error: FastifyError | CodedError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, failure } = read(error)
  if (status >= 500 && !(error instanceof CodedError)) request.log.error({ error: error.cause ?? error }, 'request failed')
  const expected = request.visitor?.by === 'signed' && (status < 500 || error instanceof CodedError)
  if (status === 503) reply.header('retry-after', '5')
  return reply.code(expected ? 200 : status).send(failure)
}

function read(error: FastifyError | CodedError): { status: number; failure: Failure } {
  if (error instanceof CodedError) {
    const changed = error instanceof Outdated ? error.changed : undefined
    return { status: statusOf(error), failure: { ok: false, code: error.code, text: error.userText, ...(changed && { changed }) } }
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const { keyword, instancePath, message, params } = error.validation[0] as (typeof error.validation)[number]
    const path = instancePath.split('/').filter((name) => name !== '')
    const { field, text } = describeIssue({ ...params, code: keyword, path, message } as Parameters<typeof describeIssue>[0])
    return {
      status: 400,
      failure: { ok: false, code: 'invalid_input', text: field === '' ? `The request ${text}.` : `${field}: ${text}.`, field },
    }
  }
  if (unkeepable.includes(databaseCode(error)))
    return { status: 400, failure: { ok: false, code: 'invalid_input', text: 'The request holds signs or dates that cannot be kept.' } }
  const status = error.statusCode ?? 500
  if (status === 429)
    return { status, failure: { ok: false, code: 'too_many_requests', text: 'That was too much at once. Wait a minute, then go on.' } }
  if (status < 500) return { status, failure: { ok: false, code: 'invalid_input', text: error.message } }
  return { status: 500, failure: { ok: false, code: 'internal', text: 'Something went wrong on our side. Try again in a moment.' } }
}
