/** What every route of the settings API answers: `{ok: true, data}`, or `{ok: false}` with a code, and a text for a person. */
import { z } from 'zod'

export const failure = z
  .object({
    ok: z.literal(false),
    code: z.string().meta({ description: 'stable, may be matched on' }),
    text: z.string().meta({ description: 'what happened and what to do, for the person at the page' }),
    field: z.string().optional().meta({ description: 'path of the field that is wrong, joined by dots' }),
    changed: z
      .object({ by: z.string(), at: z.date(), action: z.string(), text: z.string().meta({ description: 'the action in words' }) })
      .optional()
      .meta({ description: 'who changed what meanwhile, where a change was made on something outdated' }),
  })
  .meta({ id: 'Failure' })
export type Failure = z.output<typeof failure>

/** Response schemas of a route. CRMs that pass nothing on but 200 get a failure that was to be expected with that, too. */
export const answers = <Data extends z.ZodType>(data: Data) => ({
  200: z.discriminatedUnion('ok', [z.object({ ok: z.literal(true), data }), failure]),
  '4xx': failure,
  '5xx': failure,
})

export const ok = <Data>(data: Data): { ok: true; data: Data } => ({ ok: true, data })

/** What a change is asked for with: an id under which it happens once, however often it is asked for. */
export const requested = z.object({
  requestId: z
    .uuid()
    .optional()
    .meta({ description: 'made up by the page for each change: the same one again gets the same answer, and nothing happens twice' }),
})
/** What a resource looked like to the person who changes it. */
export const versioned = requested.extend({
  version: z.string().max(64).meta({ description: 'of what the change was made on, as it was read; another one by now: 409 `outdated`' }),
})
