import t from 'tap'
import type { HttpReply, HttpRequest } from '../../../connectors/connector.ts'
import { CodedError } from '../../../connectors/errors.ts'
import { refresh, scopes } from '../../../connectors/hubspot/install.ts'
import { app } from './request.ts'

const now = 1_790_000_000_000
const good = {
  access_token: 'new',
  refresh_token: 'same',
  expires_in: 1800,
  token_type: 'bearer',
  hub_id: 3003003,
  user_id: 1,
  scopes: ['oauth'],
}

/** Refreshes against one canned answer; also returns what was asked. */
async function attempt(status: number, body: unknown): Promise<{ grant?: unknown; error?: CodedError; asked: HttpRequest[] }> {
  const asked: HttpRequest[] = []
  const http = async (request: HttpRequest): Promise<HttpReply> => {
    asked.push(request)
    return { status, headers: {}, text: typeof body === 'string' ? body : JSON.stringify(body) }
  }
  try {
    return { grant: await refresh(app, { refreshToken: 'old' }, http, now), asked }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return { error, asked }
  }
}

t.test('a refresh is a form under the dated path with the current secret', async (t) => {
  const { grant, asked } = await attempt(200, good)
  t.same(asked, [
    {
      method: 'POST',
      url: 'https://api.hubapi.com/oauth/2026-09/token',
      form: { grant_type: 'refresh_token', refresh_token: 'old', client_id: 'client', client_secret: 'demo-client-secret-0000' },
    },
  ])
  t.same(grant, { accessToken: 'new', refreshToken: 'same', expiresAt: now + 1_800_000, account: '3003003', scopes: ['oauth'] })
})

t.test('without a new refresh token the old one stays', async (t) => {
  t.match(await attempt(200, { ...good, refresh_token: undefined }), { grant: { refreshToken: 'old' } })
})

t.test('a portal id beyond 2^53 keeps its digits', async (t) => {
  t.match(await attempt(200, JSON.stringify(good).replace('3003003', '9007199254740993')), { grant: { account: '9007199254740993' } })
})

const refusals: [string, number, unknown, string, unknown][] = [
  ['BAD_REFRESH_TOKEN', 400, { status: 'BAD_REFRESH_TOKEN', error: 'invalid_grant' }, 'grant_revoked', 'never'],
  ['invalid_grant alone', 400, { error: 'invalid_grant', error_description: 'x' }, 'grant_revoked', 'never'],
  ['BAD_HUB', 400, { status: 'BAD_HUB' }, 'grant_revoked', 'never'],
  ['an unknown hub, in words', 400, { status: 'error', message: 'missing or unknown hub id' }, 'grant_revoked', 'never'],
  ['BAD_CLIENT_ID', 400, { status: 'BAD_CLIENT_ID' }, 'app_misconfigured', 'later'],
  ['BAD_CLIENT_SECRET beside invalid_grant', 400, { status: 'BAD_CLIENT_SECRET', error: 'invalid_grant' }, 'app_misconfigured', 'later'],
  ['invalid_client', 401, { error: 'invalid_client' }, 'app_misconfigured', 'later'],
  ['BAD_SCOPES', 400, { status: 'BAD_SCOPES' }, 'app_misconfigured', 'later'],
  ['BAD_REDIRECT_URI', 400, { status: 'BAD_REDIRECT_URI' }, 'app_misconfigured', 'later'],
  ['BAD_CODE_VERIFIER', 400, { status: 'BAD_CODE_VERIFIER' }, 'app_misconfigured', 'later'],
  ['too many requests', 429, { status: 'error' }, 'token_endpoint_unavailable', { afterMs: 10_000 }],
  ['a server error, whatever it says', 500, { status: 'BAD_REFRESH_TOKEN' }, 'token_endpoint_unavailable', 'later'],
  ['a gateway page', 502, '<html>', 'token_endpoint_unavailable', 'later'],
  ['a block page', 403, '<html>', 'token_endpoint_unavailable', 'later'],
  ['an error nobody has seen', 400, { status: 'BAD_MOON' }, 'token_endpoint_unavailable', 'later'],
  ['a page in place of a token', 200, '<html>', 'token_endpoint_unavailable', 'later'],
  ['a grant without a token', 200, { ...good, access_token: undefined }, 'token_endpoint_unavailable', 'later'],
  ['a grant without a portal', 200, { ...good, hub_id: undefined }, 'token_endpoint_unavailable', 'later'],
]
for (const [what, status, body, code, retry] of refusals)
  t.test(`${what} means ${code}`, async (t) => {
    const { error } = await attempt(status, body)
    t.match(error, { code, scope: 'connection' })
    t.same(error?.retry, retry)
    t.notMatch(String(error?.message), /demo-client-secret|old/)
  })

t.test('scopes are listed once, and no optional one is required', async (t) => {
  const all = [...scopes.required, ...scopes.optional]
  t.equal(new Set(all).size, all.length)
  t.ok(scopes.required.includes('oauth'), 'HubSpot stops an install that does not ask for it by name')
  t.notOk((scopes.required as readonly string[]).includes('crm.objects.leads.read'), 'accounts without Sales Hub do not have it')
})
