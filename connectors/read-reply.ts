/** Reading the answers of a CRM. */
import type { z } from 'zod'
import { CodedError } from './errors.ts'
import { parseJson } from './parse-json.ts'

/**
 * Checks the body of a 2xx answer. Throws `CodedError` `unreadable_answer` (retry later) if it is not what the CRM documents.
 *
 * @param crm what people call it
 */
export function readReplyOf<T>(crm: string, schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const where = parsed.error.issues.map((issue) => issue.path.join('.')).slice(0, 3)
  throw new CodedError({
    code: 'unreadable_answer',
    retry: 'later',
    scope: 'batch',
    userText: `${crm} gave an answer that cannot be read. It is tried again.`,
    message: `unreadable_answer: at ${where.join(', ') || 'the root'}`,
  })
}

/** The JSON of an answer, without loss; undefined for HTML and the like. */
export function jsonOf({ text }: { text: string }): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}
