/** Bad input, told in words for the person who gave it. */
import type { z } from 'zod'
import { CodedError } from '../../connectors/errors.ts'

/** A request that cannot be met as it is; trying again does not help. */
export function problem(code: string, userText: string, cause?: unknown): CodedError {
  return new CodedError({ code, retry: 'never', scope: 'event', userText, cause })
}

/** Where the input is wrong (a path joined by dots, empty for the whole) and what is wrong there. Holds no value. */
export interface InputProblem {
  field: string
  text: string
}

/** What a zod issue means to a person. `issue` is one of `error.issues`. */
export function describeIssue(issue: z.core.$ZodIssue): InputProblem {
  const field = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') return { field: [field, issue.keys[0]].filter(Boolean).join('.'), text: 'is not known here' }
  return { field, text: textOf(issue) }
}

function textOf(issue: z.core.$ZodIssue): string {
  if (issue.message.endsWith('received undefined')) return 'is missing'
  if (issue.code === 'invalid_union') {
    const first = issue.errors.flatMap((alternative) => alternative.slice(0, 1))
    // The alternative that the value is of the type of says best what is wrong.
    const closest = first.filter(({ code }) => code !== 'invalid_type')
    const texts = new Set((closest.length > 0 ? closest : first).map(textOf))
    return texts.has('is missing') ? 'is missing' : [...texts].join(', or ') || 'is not valid'
  }
  if (issue.code === 'too_small' && issue.origin === 'string' && issue.minimum === 1) return 'must not be empty'
  if (issue.code === 'invalid_format' && issue.format === 'datetime') return 'has to look like 2026-01-31T09:00:00Z, with an offset or Z'
  return issue.message.replace(/^(Invalid input|Too small|Too big|Invalid string): /, '')
}

/**
 * Parses what a person gave. Throws `CodedError` `invalid_input` that names every wrong field.
 *
 * @param what what is parsed, as the beginning of a sentence ("The mapping")
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(describeIssue).map(({ field, text }) => (field === '' ? text : `${field}: ${text}`))
  throw problem('invalid_input', `${what} cannot be used: ${problems.join('; ')}.`)
}
