/** What Meta says of a token (Graph API, debug_token): whether it is good, whose it is, and what it allows. */
import { z } from 'zod'
import type { AppCredentials, HttpPort } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { parseJson } from '../parse-json.ts'
import { jsonOf } from '../read-reply.ts'

const answers = z.tuple([z.object({ code: z.number(), body: z.string() })])
const inspected = z.object({
  data: z.object({
    is_valid: z.boolean(),
    app_id: z.coerce.string().optional(),
    type: z.string().optional().catch(undefined),
    profile_id: z.coerce.string().optional(),
    /** Seconds; 0: it does not end. */
    expires_at: z.number().optional().catch(undefined),
    scopes: z.array(z.string()).catch([]),
    granular_scopes: z.array(z.object({ scope: z.string(), target_ids: z.array(z.coerce.string()).optional() })).catch([]),
  }),
})
export type InspectedToken = z.infer<typeof inspected>['data']

/**
 * Asks by a batch of one, for there the token to inspect goes in a body; by itself the question would have it in its URL. Throws
 * `CodedError`: `app_misconfigured` (our fault), or `token_endpoint_unavailable` (retry later).
 */
export async function inspectToken(app: AppCredentials, token: string, http: HttpPort): Promise<InspectedToken> {
  const reply = await http({
    method: 'POST',
    url: `${app.baseUrl}/`,
    headers: { authorization: `Bearer ${app.clientId}|${app.clientSecrets[0] ?? ''}` },
    form: {
      batch: JSON.stringify([{ method: 'GET', relative_url: `debug_token?input_token=${encodeURIComponent(token)}` }]),
      include_headers: 'false',
    },
  })
  const [answer] = answers.safeParse(jsonOf(reply)).data ?? []
  const told = answer?.code === 200 ? inspected.safeParse(read(answer.body)).data : undefined
  if (told !== undefined) return told.data
  throw refusal(reply.status, errorCode(answer === undefined ? jsonOf(reply) : read(answer.body)))
}

/** What a token allows for one page: a person may allow a permission for some pages only. */
export function scopesFor({ scopes, granular_scopes }: InspectedToken, page: string): string[] {
  const withheld = new Set(
    granular_scopes.flatMap(({ scope, target_ids }) => (target_ids === undefined || target_ids.includes(page) ? [] : [scope])),
  )
  return scopes.filter((scope) => !withheld.has(scope))
}

function read(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

function errorCode(body: unknown): number | undefined {
  return z.object({ error: z.object({ code: z.number() }) }).safeParse(body).data?.error.code
}

function refusal(status: number, code: number | undefined): CodedError {
  // The app's own token is refused: 190 or 101 (Graph API, access token errors).
  if (code === 190 || code === 101)
    return new CodedError({
      code: 'app_misconfigured',
      retry: 'later',
      scope: 'connection',
      userText: 'Meta does not accept the credentials of this app. Its operator has to check app id and secret; the page itself is fine.',
    })
  return new CodedError({
    code: 'token_endpoint_unavailable',
    retry: 'later',
    scope: 'connection',
    userText: 'Meta did not say whether the access to the page is still good. It is asked again.',
    message: `token_endpoint_unavailable: HTTP ${status}, code ${code ?? 'none'}`,
  })
}
