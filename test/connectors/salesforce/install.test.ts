import t from 'tap'
import type { AppCredentials, HttpPort, HttpRequest } from '../../../connectors/connector.ts'
import { consentUrl, exchange, leave, refresh } from '../../../connectors/salesforce/install.ts'

const now = Date.UTC(2026, 10, 21)
const app: AppCredentials = {
  ...{ appId: '1', clientId: 'key', clientSecrets: ['current', 'earlier'] },
  baseUrl: 'https://login.salesforce.com',
}
const good = {
  access_token: '00D!token',
  refresh_token: 'next',
  signature: 'x',
  scope: 'refresh_token api id',
  instance_url: 'https://acme.my.salesforce.com',
  id: 'https://login.salesforce.com/id/00D1t000000rXxR/005Ak000001Test',
  token_type: 'Bearer',
  issued_at: String(now),
}

/** Salesforce with one answer for everything; keeps what it was asked. */
function answering(status: number, body: unknown): { http: HttpPort; asked: HttpRequest[] } {
  const asked: HttpRequest[] = []
  return {
    asked,
    http: async (request) => {
      asked.push(request)
      return { status, headers: {}, text: typeof body === 'string' ? body : JSON.stringify(body) }
    },
  }
}
const renew = (status: number, body: unknown, grant: { refreshToken: string; authUrl?: string } = { refreshToken: 'spent' }, of = app) => {
  const { http, asked } = answering(status, body)
  return { asked, result: refresh(of, grant, http, now) }
}

t.test('the consent page is asked for what we need, at the host of the org, with a challenge', async (t) => {
  const request = { redirectUri: 'https://capi.example.com/oauth/salesforce/callback', state: 's&1', challenge: 'abc' }
  const url = new URL(consentUrl(app, { ...request, authUrl: 'https://acme.my.salesforce.com' }))
  t.equal(url.origin + url.pathname, 'https://acme.my.salesforce.com/services/oauth2/authorize')
  t.same(Object.fromEntries(url.searchParams), {
    ...{ response_type: 'code', client_id: 'key', redirect_uri: request.redirectUri, scope: 'api refresh_token id' },
    ...{ state: 's&1', code_challenge: 'abc', code_challenge_method: 'S256' },
  })
  t.match(consentUrl(app, request), /^https:\/\/login\.salesforce\.com\/.*scope=api%20refresh_token%20id&/)
})

t.test('a code is traded for a grant, with the verifier and our current secret', async (t) => {
  const { http, asked } = answering(200, good)
  const answer = { code: 'c', redirectUri: 'https://x.example', verifier: 'v'.repeat(43), authUrl: 'https://test.salesforce.com' }
  t.same(await exchange(app, answer, http, now), {
    accessToken: '00D!token',
    refreshToken: 'next',
    expiresAt: now + 7_200_000,
    account: '00D1t000000rXxREAU',
    scopes: ['refresh_token', 'api', 'id'],
    apiUrl: 'https://acme.my.salesforce.com',
    authUrl: 'https://test.salesforce.com',
    sandbox: true,
  })
  t.match(asked, [
    {
      url: 'https://test.salesforce.com/services/oauth2/token',
      form: { grant_type: 'authorization_code', code: 'c', code_verifier: 'v'.repeat(43), client_secret: 'current' },
    },
  ])
  await t.rejects(
    exchange(app, answer, answering(400, { error: 'invalid_grant', error_description: 'expired authorization code' }).http, now),
    {
      code: 'code_spent',
      retry: 'never',
    },
  )
  await t.rejects(exchange(app, answer, answering(200, { ...good, refresh_token: undefined }).http, now), { code: 'no_lasting_grant' })
})

t.test('a refresh token is used where it was given, and what comes back takes its place', async (t) => {
  const { asked, result } = renew(200, good, { refreshToken: 'spent', authUrl: 'https://acme.my.salesforce.com' })
  t.match(await result, { refreshToken: 'next', authUrl: 'https://acme.my.salesforce.com', sandbox: false })
  t.match(asked, [{ url: 'https://acme.my.salesforce.com/services/oauth2/token', form: { refresh_token: 'spent', client_id: 'key' } }])
  const kept = renew(200, { ...good, refresh_token: undefined })
  t.match(await kept.result, { refreshToken: 'spent', authUrl: 'https://login.salesforce.com' }, 'an org that does not rotate')
  t.match(kept.asked, [{ url: 'https://login.salesforce.com/services/oauth2/token' }])
})

t.test('a sandbox is known by its addresses', async (t) => {
  const sandbox = async (change: object, authUrl?: string) =>
    (await renew(200, { ...good, ...change }, { refreshToken: 'r', authUrl }).result).sandbox
  t.equal(await sandbox({}), false)
  t.equal(await sandbox({ id: good.id.replace('login', 'test') }), true)
  t.equal(await sandbox({ instance_url: 'https://acme--dev.sandbox.my.salesforce.com' }), true)
  t.equal(await sandbox({ instance_url: 'https://acme--dev.my.salesforce.com' }), true)
  t.equal(await sandbox({}, 'https://test.salesforce.com'), true)
})

t.test('a token goes to no host but those of Salesforce, or of the stand-in that we signed in at', async (t) => {
  for (const instance_url of [
    'http://acme.my.salesforce.com',
    'https://acme.my.salesforce.com.evil.example',
    'https://evilsalesforce.com',
    'https://acme.my.salesforce.com:8443',
    'https://user@acme.my.salesforce.com',
    'http://127.0.0.1:1',
    'nonsense',
  ])
    await t.rejects(renew(200, { ...good, instance_url }).result, { code: 'foreign_address' }, instance_url)
  for (const id of ['https://evil.example/id/00D1t000000rXxR/005Ak000001Test', 'https://login.salesforce.com/id/00D1/005', 'x'])
    await t.rejects(renew(200, { ...good, id }).result, { code: 'foreign_address' }, id)
  const local = { ...app, baseUrl: 'http://127.0.0.1:4000' }
  const own = { ...good, instance_url: 'http://127.0.0.1:4000/', id: 'http://127.0.0.1:4000/id/00D1t000000rXxREAU/005Ak000001Test' }
  t.match(await renew(200, own, undefined, local).result, { apiUrl: 'http://127.0.0.1:4000', account: '00D1t000000rXxREAU' })
  await t.rejects(renew(200, { ...own, instance_url: 'http://127.0.0.1:4001' }, undefined, local).result, { code: 'foreign_address' })
})

t.test('refusals end a connection only where Salesforce says so', async (t) => {
  const grant = (error_description: string) => ({ error: 'invalid_grant', error_description })
  const cases: [number, unknown, string, unknown][] = [
    [400, grant('token request is already being processed'), 'token_endpoint_unavailable', 'later'],
    [400, grant('expired authorization code'), 'token_endpoint_unavailable', 'later'],
    [400, grant('expired access/refresh token'), 'grant_revoked', 'never'],
    [400, { error: 'inactive_user' }, 'grant_revoked', 'never'],
    [400, { error: 'inactive_org' }, 'grant_revoked', 'never'],
    [401, { error: 'OAUTH_APP_ACCESS_DENIED' }, 'grant_revoked', 'never'],
    [400, grant('ip restricted'), 'app_misconfigured', 'later'],
    [400, { error: 'invalid_client', error_description: 'invalid client credentials' }, 'app_misconfigured', 'later'],
    [400, { error: 'invalid_client_id' }, 'app_misconfigured', 'later'],
    [400, { error: 'invalid_request' }, 'app_misconfigured', 'later'],
    [429, grant('expired access/refresh token'), 'token_endpoint_unavailable', { afterMs: 10_000 }],
    [503, '<html>', 'token_endpoint_unavailable', 'later'],
    [400, '<html>', 'token_endpoint_unavailable', 'later'],
    [400, { error: 'something new' }, 'token_endpoint_unavailable', 'later'],
    [302, '', 'token_endpoint_unavailable', 'later'],
    [200, {}, 'token_endpoint_unavailable', 'later'],
    [200, 'null', 'token_endpoint_unavailable', 'later'],
  ]
  for (const [status, body, code, retry] of cases)
    await t.rejects(renew(status, body).result, { code, retry, scope: 'connection' }, `${status} ${JSON.stringify(body)}`)
})

t.test('what was granted is given back; that it is gone already does no harm', async (t) => {
  const grant = { ...(await renew(200, good).result), authUrl: 'https://acme.my.salesforce.com' }
  const going = (status: number) => {
    const { http, asked } = answering(status, '')
    const client = { request: () => Promise.reject(new Error('not asked')) }
    return { asked, result: leave({ client, app, grant, http }) }
  }
  const gone = going(200)
  await gone.result
  t.match(gone.asked, [{ method: 'POST', url: 'https://acme.my.salesforce.com/services/oauth2/revoke', form: { token: 'next' } }])
  await going(400).result
  await t.rejects(going(503).result, { code: 'token_endpoint_unavailable' })
})
