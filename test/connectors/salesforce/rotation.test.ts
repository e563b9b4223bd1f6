/** Tokens against the stand-in, which rotates refresh tokens as Salesforce does. */
import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { consentUrl, exchange, leave, refresh } from '../../../connectors/salesforce/install.ts'
import { startSalesforce } from '../../simulators/salesforce/start-salesforce.ts'
import { http } from '../bare-client.ts'
import { appOf, openOrg, refreshToken } from './org.ts'

t.test('each refresh gives another refresh token, and one that was used before ends them all', async (t) => {
  const salesforce = await openOrg(t)
  const app = appOf(salesforce)
  const now = Date.now()
  const first = await refresh(app, { refreshToken }, http, now)
  t.match(first, { account: salesforce.org().id, apiUrl: salesforce.url, authUrl: salesforce.url, sandbox: false })
  t.not(first.refreshToken, refreshToken)
  const second = await refresh(app, first, http, now)
  t.not(second.refreshToken, first.refreshToken)
  await t.rejects(refresh(app, first, http, now), { code: 'grant_revoked', retry: 'never' })
  await t.rejects(refresh(app, second, http, now), { code: 'grant_revoked' }, 'the thief and the robbed alike')
})

t.test('two refreshes at the same moment: one wins, the other comes again later and ends nothing', async (t) => {
  const salesforce = await openOrg(t)
  salesforce.setRefreshTime({ ms: 100 })
  const app = appOf(salesforce)
  const results = await Promise.allSettled([1, 2].map(() => refresh(app, { refreshToken }, http, Date.now())))
  t.same(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  t.match(
    results.find((result) => result.status === 'rejected'),
    { reason: { code: 'token_endpoint_unavailable', retry: 'later' } },
  )
  const won = results.find((result) => result.status === 'fulfilled')?.value
  t.ok(won && (await refresh(app, won, http, Date.now())))
})

t.test('what ends a grant, and what does not', async (t) => {
  const salesforce = await openOrg(t)
  const app = appOf(salesforce)
  const attempt = (of = app) => refresh(of, { refreshToken }, http, Date.now())
  await t.rejects(attempt({ ...app, clientSecrets: ['wrong'] }), { code: 'app_misconfigured', retry: 'later' })
  await t.rejects(attempt({ ...app, clientId: 'wrong' }), { code: 'app_misconfigured' })
  salesforce.fail({ status: 503, path: '/services/oauth2/token', times: 1 })
  await t.rejects(attempt(), { code: 'token_endpoint_unavailable', retry: 'later' })
  salesforce.setUser({ active: false })
  await t.rejects(attempt(), { code: 'grant_revoked', retry: 'never' })
  salesforce.setUser({ active: true })
  t.ok(await attempt())
})

t.test('a grant that is given back is gone, and giving it back again does no harm', async (t) => {
  const salesforce = await openOrg(t)
  const app = appOf(salesforce)
  const grant = await refresh(app, { refreshToken }, http, Date.now())
  const client = { request: () => Promise.reject(new Error('not asked')) }
  await leave({ client, app, grant, http })
  await t.rejects(refresh(app, grant, http, Date.now()), { code: 'grant_revoked' })
  await leave({ client, app, grant, http })
})

t.test('a consent is asked for and traded, with the proof that both come from us; a sandbox is told', async (t) => {
  const redirectUri = 'https://leads.example.com/oauth/salesforce/callback'
  const salesforce = await startSalesforce({ orgs: [{ sandbox: true }], app: { redirectUris: [redirectUri] } })
  t.teardown(() => salesforce.close())
  const app = appOf(salesforce)
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const agree = async () => {
    const url = new URL(consentUrl(app, { redirectUri, state: 'state-1', challenge }))
    const org = salesforce.org()
    const form = new URLSearchParams(url.searchParams)
    form.set('decision', 'Allow')
    form.set('user', `${org.id}/${[...org.users.keys()][1]}`)
    const page = await fetch(`${salesforce.url}/setup/secur/RemoteAccessAuthorizationPage.apexp`, {
      method: 'POST',
      body: form,
      redirect: 'manual',
    })
    return new URL(page.headers.get('location') ?? '').searchParams
  }
  const answer = await agree()
  t.equal(answer.get('state'), 'state-1')
  const code = answer.get('code') ?? ''
  const grant = await exchange(app, { code, redirectUri, verifier }, http, Date.now())
  t.match(grant, { account: salesforce.org().id, sandbox: true, scopes: ['api', 'refresh_token', 'id'] })
  await t.rejects(exchange(app, { code, redirectUri, verifier }, http, Date.now()), { code: 'code_spent', retry: 'never' })
  const other = (await agree()).get('code') ?? ''
  await t.rejects(exchange(app, { code: other, redirectUri, verifier: 'x'.repeat(43) }, http, Date.now()), {
    code: /code_spent|app_misconfigured/,
  })
})
