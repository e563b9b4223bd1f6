/** Promise 11 at the settings API: who is not proven to be somebody gets nothing, and a proof works where and when it was meant to. */
import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { openSession, type SessionOf } from '../../../../server/settings/api/sessions.ts'
import { beginSignIn } from '../../../../server/settings/api/sign-ins.ts'
import { ADMIN } from '../../../simulators/hubspot/start-hubspot.ts'
import { PORTAL, PUBLIC_URL, type TestApp, TOKEN, testApp } from '../../../support/app.ts'
import { createBrowser } from '../../../support/browser.ts'
import { addOrg } from '../../../support/salesforce.ts'
import { byHubspot, type HubspotRequest, openPage, signedIn, signedRequest, withBearer } from '../../../support/settings-page.ts'

t.test('a request that HubSpot signs is for the portal and the user in its address, in both readings of the URL', async (t) => {
  const it = await testApp(t)
  for (const decoded of [true, false]) {
    const { status, body } = await byHubspot(it, { decoded })('GET', '/session')
    t.equal(status, 200)
    t.match(body, { ok: true, data: { crm: { name: 'HubSpot' }, account: String(PORTAL), userId: '606', admin: true, expiresAt: null } })
    t.match(body, { data: { connection: { id: it.connectionId, state: 'active' } } })
  }
})

t.test('what was not signed by HubSpot for us, just now, for exactly this, is refused', async (t) => {
  const it = await testApp(t)
  it.hubspot.addPortal({ portalId: 4004004 })
  const forged: Record<string, HubspotRequest> = {
    'another secret': { secret: 'another' },
    'too old': { signedAgo: 301_000 },
    'from the future': { signedAgo: -120_000 },
    'another app': { appId: 9_999_999 },
    'another portal than was signed': { instead: { target: (signed) => signed.replace(String(PORTAL), '4004004') } },
    'another path than was signed': { instead: { target: (signed) => signed.replace('/session', '/overview') } },
    'another method than was signed': { instead: { method: 'POST', body: '' } },
    'a portal twice': { more: '&portalId=4004004' },
    'a user twice': { more: '&userId=1' },
    'a portal that is no number': { portalId: 'x' },
    'the signature of a webhook': { instead: { target: () => '/api/session' } },
  }
  for (const [what, given] of Object.entries(forged)) {
    const { status, body } = await byHubspot(it, given)('GET', '/session')
    t.ok([400, 401].includes(status), `${what}: ${status}`)
    t.match(body, { ok: false, code: String, text: String }, what)
  }
  const before = `userId=${ADMIN}&portalId=4004004&appId=${it.hubspot.app.appId}`
  const cut = await byHubspot(it)('GET', `/session?${before}&x=?`)
  t.match(cut, { status: 401, body: { code: 'other_app' } }, 'a portal of the asker’s own, before a second question mark')
  const changed = await byHubspot(it, { instead: { body: '{"rules":{"whichLeads":"anyone"},"version":"x"}' } })('PUT', '/rules', {})
  t.match(changed, { status: 401, body: { code: 'signature_wrong' } }, 'another body than was signed')
  const nobody = await fetch(`${it.url}/api/overview`)
  t.equal(nobody.status, 401)
})

t.test('a portal that is not connected gets to know that, and what was to be expected comes with status 200', async (t) => {
  const it = await testApp(t)
  const stranger = byHubspot(it, { portalId: 4004004 })
  t.match(await stranger('GET', '/session'), { status: 200, body: { ok: true, data: { connection: null, admin: false } } })
  t.match(await stranger('GET', '/overview'), { status: 200, body: { ok: false, code: 'not_connected', text: String } })
  t.match(await byHubspot(it)('GET', '/record?type=contact&id=1'), { status: 200, body: { ok: false, code: 'record_unknown' } })
  t.match(await byHubspot(it)('PUT', '/rules', { version: 'x' }), {
    status: 200,
    body: { ok: false, code: 'invalid_input', field: 'rules' },
  })
})

t.test('only super admins change anything in HubSpot, and everybody reads', async (t) => {
  const it = await testApp(t)
  it.hubspot.setUser({ userId: '707', superAdmin: false })
  for (const userId of ['707', '808']) {
    const reader = byHubspot(it, { userId })
    t.match(await reader('GET', '/overview'), { status: 200, body: { ok: true } })
    t.match(await reader('POST', '/connection/pause', {}), { status: 200, body: { ok: false, code: 'not_admin', text: /admins/ } })
  }
  t.match(await it.db.selectFrom('connection').select('state').executeTakeFirst(), { state: 'active' })
  it.hubspot.setUser({ userId: '707', superAdmin: true })
  t.match(await byHubspot(it, { userId: '707' })('POST', '/connection/pause', {}), { body: { ok: true, data: { state: 'paused' } } })
  t.match(await it.db.selectFrom('audit').select('actor').where('action', '=', 'connection.pause').execute(), [{ actor: 'hubspot:707' }])
})

t.test('where HubSpot was not allowed to show its users, an admin is told to connect again, and can', async (t) => {
  const it = await testApp(t)
  await it.db
    .updateTable('connection')
    .set({ scopes: ['oauth'] })
    .execute()
  const admin = byHubspot(it)
  t.match(await admin('POST', '/connection/pause', {}), { body: { ok: false, code: 'admin_unknown', text: /read users/ } })
  t.match(await admin('POST', '/connect', {}), { body: { ok: true, data: { url: new RegExp(`^${PUBLIC_URL}/connect/.+/start$`) } } })
})

type Jar = Map<string, Map<string, string>>

/** Trades a code for a bearer, as the page does in the browser with these cookies. */
async function tradeCode(it: Pick<TestApp, 'url'>, code: string | undefined, jar: Jar) {
  const cookie = [...(jar.get(PUBLIC_URL) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ')
  const headers = { 'content-type': 'application/json', ...(cookie !== '' && { cookie }) }
  const response = await fetch(`${it.url}/api/session`, { method: 'POST', headers, body: JSON.stringify({ code }) })
  return { status: response.status, body: (await response.json()) as { code?: string; data?: unknown } }
}

/** Renews as the page does in the browser with these cookies; keeps the cookie that comes back. */
async function renew(it: Pick<TestApp, 'url'>, id: string, cookies: Map<string, string>, requestId?: string) {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const headers = { 'content-type': 'application/json', cookie }
  const body = JSON.stringify({ renew: id, ...(requestId && { requestId }) })
  const response = await fetch(`${it.url}/api/session`, { method: 'POST', headers, body })
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(response.headers.get('set-cookie') ?? '') ?? []
  if (name !== '') cookies.set(name, value)
  return {
    status: response.status,
    cookie: response.headers.get('set-cookie'),
    body: (await response.json()) as { code?: string; data?: { bearer: string } },
  }
}

/** Somebody who signed in on their own, with the cookie that it left. */
async function staying(it: Pick<TestApp, 'db'>, session: Partial<SessionOf> = {}) {
  const {
    renew: id,
    word,
    bearer,
  } = await beginSignIn(it.db, {
    ...{ crm: 'hubspot', account: String(PORTAL), userId: '606', admin: true },
    ...session,
  })
  return { id, bearer, cookies: new Map([[`__Host-leadstage-${id}`, word]]) }
}

t.test('a page on its own stays signed in by a cookie whose word is good once', async (t) => {
  const it = await testApp(t)
  const { id, bearer, cookies } = await staying(it)
  const stolen = new Map(cookies)
  const renewed = await renew(it, id, cookies)
  t.match(renewed, { status: 200, body: { data: { bearer: /^[\w-]{43}$/, renew: id } } })
  t.match(renewed.cookie, /^__Host-leadstage-[\w-]{36}=[\w-]{43}; Path=\/; Max-Age=4\d{4}; HttpOnly; SameSite=Strict; Secure$/)
  const second = await renew(it, id, cookies)
  t.match(await withBearer(it, second.body.data?.bearer ?? '')('GET', '/session'), { body: { data: { userId: '606', admin: true } } })
  const stored = JSON.stringify(await it.db.selectFrom('page_sign_in').selectAll().execute())
  for (const word of cookies.values()) t.notMatch(stored, word, 'of the word only a hash is kept')
  t.match(await renew(it, id, new Map()), { status: 401, body: { code: 'signed_out' } }, 'without the cookie it is nothing')
  const other = await staying(it)
  t.match(await renew(it, other.id, cookies), { status: 401 }, 'nor with that of another sign-in')

  t.match(await renew(it, id, stolen), { status: 401, body: { code: 'signed_out' } })
  t.match(await renew(it, id, cookies), { status: 401 }, 'a word that comes twice was copied, and ends the sign-in')
  t.match(await withBearer(it, bearer)('GET', '/overview'), { status: 401 }, 'with all its bearers')
})

t.test('whose answer got lost gets another for the same request, and nobody else does', async (t) => {
  const it = await testApp(t)
  const { id, cookies } = await staying(it)
  const before = () => new Map(cookies)
  const requestId = randomUUID()
  t.match(await renew(it, id, before(), requestId), { status: 200 })
  const again = before()
  t.match(await renew(it, id, again, requestId), { status: 200 })
  t.match(await renew(it, id, again, randomUUID()), { status: 200 }, 'and goes on with that')
  t.match(await renew(it, id, before(), randomUUID()), { status: 401 })
})

t.test('a sign-in ends after twelve hours, by signing out, and with the connection', async (t) => {
  const it = await testApp(t)
  const late = await staying(it)
  await it.db
    .updateTable('page_sign_in')
    .set({ ends_at: new Date(Date.now() - 1_000) })
    .execute()
  t.match(await renew(it, late.id, late.cookies), { status: 401 })
  const short = await staying(it)
  await it.db
    .updateTable('page_sign_in')
    .set({ ends_at: new Date(Date.now() + 60_000) })
    .execute()
  const last = await renew(it, short.id, short.cookies)
  const left = await it.db.selectFrom('page_session').select('expires_at').where('sign_in_id', '=', short.id).execute()
  t.equal(last.status, 200)
  t.equal(left.filter(({ expires_at }) => expires_at.getTime() < Date.now() + 61_000).length, 1, 'no bearer outlives it')

  const out = await staying(it)
  const { bearer = '' } = (await renew(it, out.id, out.cookies)).body.data ?? {}
  const ended = await withBearer(it, bearer)('POST', '/session/end', {})
  t.match(ended.headers.get('set-cookie'), /-[\w-]{36}=; Path=\/; Max-Age=0;/)
  t.match(await renew(it, out.id, out.cookies), { status: 401 })

  const gone = await staying(it)
  t.match(await withBearer(it, gone.bearer)('POST', '/connection/leave', { account: String(PORTAL) }), { status: 200 })
  t.match(await renew(it, gone.id, gone.cookies), { status: 401, body: { code: 'signed_out' } })
})

t.test('who is no admin any more reads from the next renewal on, in each CRM', async (t) => {
  const { it, orgId, userId } = await withOrg(t)
  it.hubspot.setUser({ userId: '707', superAdmin: false })
  const hubspot = await staying(it, { userId: '707' })
  const salesforce = await staying(it, { crm: 'salesforce', account: orgId, userId })
  const adminOf = async ({ id, cookies }: typeof hubspot) => {
    const { bearer = '' } = (await renew(it, id, cookies)).body.data ?? {}
    return ((await withBearer(it, bearer)('GET', '/session')).body.data as unknown as { admin: boolean }).admin
  }
  t.equal(await adminOf(hubspot), false)
  t.equal(await adminOf(salesforce), true, 'who still is goes on')
  const other = it.salesforce.addUser({ orgId, username: 'ben@acme.example' })
  it.salesforce.setUser({ orgId, userId: other.userId, customises: false })
  const reader = await staying(it, { crm: 'salesforce', account: orgId, userId: other.userId })
  t.equal(await adminOf(reader), false)
  it.salesforce.setUser({ orgId, userId: other.userId, active: false })
  t.match(await renew(it, reader.id, reader.cookies), { status: 401, body: { code: 'visitor_gone' } }, 'who was deactivated reads no more')
  t.match(await renew(it, reader.id, reader.cookies), { status: 401 })
})

async function withOrg(t: Test) {
  const it = await testApp(t, { salesforce: { app: { redirectUris: [`${PUBLIC_URL}/oauth/salesforce/callback`] } } })
  const org = await addOrg(it, { dataset: '800000000000001', token: `${TOKEN}S` })
  const { userId } = it.salesforce.addUser({ orgId: org.orgId, username: 'ana@acme.example' })
  return { it, ...org, userId }
}

t.test('a page that Salesforce opens gets a bearer in its document, may be framed by Salesforce only, and opens once', async (t) => {
  const { it, orgId, userId, connectionId } = await withOrg(t)
  const signed = signedRequest(it, { orgId, userId })
  const page = await openPage(it, signed)
  t.equal(page.status, 200)
  const policy = page.headers.get('content-security-policy') ?? ''
  t.match(policy, /frame-ancestors https:\/\/\*\.salesforce\.com https:\/\/\*\.force\.com https:\/\/\*\.visualforce\.com$/)
  t.notMatch(policy, /unsafe-eval|script-src[^;]*unsafe-inline/)
  t.equal(page.headers.get('x-frame-options'), null)
  t.equal(page.headers.get('set-cookie'), null, 'no cookie, which a frame would not get back')
  t.equal(page.headers.get('cache-control'), 'no-store')
  const asks = withBearer(it, page.bearer ?? '')
  t.match(await asks('GET', '/session'), {
    status: 200,
    body: { data: { crm: { id: 'salesforce' }, account: orgId, userId, admin: true, connection: { id: connectionId } } },
  })
  const stored = JSON.stringify([
    await it.db.selectFrom('page_session').selectAll().execute(),
    await it.db.selectFrom('page_pass').selectAll().execute(),
  ])
  t.notMatch(stored, page.bearer ?? '', 'of the bearer only a hash is kept')
  t.notMatch(stored, /00D!|oauthToken/, 'and nothing of the visitor’s access')

  const again = await openPage(it, signed)
  t.match(again, { status: 401, html: /used before/ }, 'a replay')
  t.match(again.headers.get('content-security-policy'), /frame-ancestors https:\/\/\*\.salesforce\.com/, 'which is said inside the frame')
  const other = signedRequest(it, { orgId, userId })
  const attempts = await Promise.all([1, 2, 3].map(() => openPage(it, other)))
  t.equal(attempts.filter(({ status }) => status === 200).length, 1, 'of three that come at once one is the first')
  const fresh = await withBearer(it, '')('POST', '/session', { crm: 'salesforce', signedRequest: signedRequest(it, { orgId, userId }) })
  const visitor = { crm: 'salesforce', account: orgId, userId }
  t.match(fresh, { status: 200, body: { ok: true, data: { bearer: /^[\w-]{43}$/, visitor } } }, 'a fresh one renews the session')
  t.match(await withBearer(it, '')('POST', '/session', { crm: 'salesforce', signedRequest: signed }), { status: 401 })
})

t.test('a page is opened by nothing that Salesforce has not signed for somebody who is there', async (t) => {
  const { it, orgId, userId } = await withOrg(t)
  t.match(await openPage(it, signedRequest(it, { orgId, userId, secret: 'another' })), { status: 401, bearer: undefined })
  for (const text of ['', 'x.y', 'a'.repeat(100_000)]) t.match(await openPage(it, text), { status: 401, bearer: undefined })
  const late = signedRequest(it, { orgId, userId })
  it.salesforce.expireTokens({ orgId })
  t.match(await openPage(it, late), { status: 401, html: /anew|again/ }, 'whose access is over, however long its hash is kept')
  t.equal((await fetch(`${it.url}/page/hubspot`, { method: 'POST', body: new URLSearchParams({}) })).status, 404)
  t.equal((await it.db.selectFrom('page_session').selectAll().execute()).length, 0)
})

t.test('who has to approve the app first is led there from inside the frame, and nowhere else', async (t) => {
  const { it } = await withOrg(t)
  const open = (query: string) => fetch(`${it.url}/page/salesforce${query}`, { redirect: 'manual' })
  const asked = await open(`?_sfdc_canvas_authvalue=user_approval_required&loginUrl=${encodeURIComponent(it.salesforce.url)}`)
  t.equal(asked.status, 200)
  t.match(asked.headers.get('content-security-policy'), /frame-ancestors https:\/\/\*\.salesforce\.com/)
  t.equal(asked.headers.get('set-cookie'), null)
  const [, address = ''] = /href="([^"]+)" target="_blank" rel="noopener"/.exec(await asked.text()) ?? []
  const consent = await fetch(`${it.url}${address}`, { redirect: 'manual' })
  t.match(consent.headers.get('location') ?? '', new RegExp(`^${it.salesforce.url}/services/oauth2/authorize\\?`))
  const evil = await open('?_sfdc_canvas_authvalue=user_approval_required&loginUrl=https%3A%2F%2Fevil.example%22%3E')
  const text = await evil.text()
  t.notMatch(text, /"https?:\/\/evil|evil\.example">/, 'which is no address of the page')
  const [, leads = ''] = /href="([^"]+)" target/.exec(text) ?? []
  t.equal((await fetch(`${it.url}${leads}`, { redirect: 'manual' })).status, 400)
  t.match(await open(''), { status: 302 })
})

t.test('to open the page is no proof of being an admin', async (t) => {
  const { it, orgId, userId } = await withOrg(t)
  it.salesforce.setUser({ orgId, userId, customises: false })
  const { bearer = '' } = await openPage(it, signedRequest(it, { orgId, userId }))
  const reader = withBearer(it, bearer)
  t.match(await reader('GET', '/session'), { body: { data: { admin: false } } })
  t.match(await reader('POST', '/connection/pause', {}), { status: 403, body: { code: 'not_admin' } })
  // In Salesforce whoever may use the app can agree, and their rights would be those of the connection from then on.
  t.match(await reader('POST', '/connect', {}), { status: 403, body: { code: 'not_admin' } })
  await it.db.updateTable('connection').set({ state: 'removed' }).where('account_key', '=', orgId).execute()
  t.match(await reader('POST', '/connect', {}), { status: 403, body: { code: 'not_admin' } }, 'nor is it connected again by them')
  t.strictSame(await it.db.selectFrom('invitation').selectAll().execute(), [])
})

t.test('a bearer ends after a quarter of an hour, when it is signed out, and when it never was one', async (t) => {
  const it = await testApp(t)
  const { bearer, expiresAt } = await openSession(it.db, { crm: 'hubspot', account: String(PORTAL), userId: '606', admin: true })
  t.ok(expiresAt.getTime() - Date.now() <= 15 * 60_000)
  const asks = withBearer(it, bearer)
  t.match(await asks('GET', '/overview'), { status: 200 })
  const other = await it.another()
  t.match(await withBearer(other, bearer)('GET', '/overview'), { status: 200 }, 'any process knows it')
  await it.db
    .updateTable('page_session')
    .set({ expires_at: new Date(Date.now() - 1_000) })
    .execute()
  t.match(await asks('GET', '/overview'), { status: 401, body: { code: 'signed_out' } })
  const next = await signedIn(it)
  t.match(await next('POST', '/session/end', {}), { status: 200 })
  t.match(await next('GET', '/overview'), { status: 401 })
  for (const word of ['', 'x', 'A'.repeat(43), `${bearer}x`]) t.match(await withBearer(it, word)('GET', '/overview'), { status: 401 })
})

t.test('an admin of an org connects that org from its page, and no other', async (t) => {
  const { it } = await withOrg(t)
  const mine = it.salesforce.addOrg()
  const other = it.salesforce.addOrg()
  const { bearer = '' } = await openPage(it, signedRequest(it, { orgId: mine.orgId, userId: mine.userId }))
  const asks = withBearer(it, bearer)
  t.match(await asks('GET', '/session'), { body: { data: { connection: null } } })
  t.match(await asks('GET', '/stages'), { status: 409, body: { code: 'not_connected' } })
  const started = await asks('POST', '/connect', {})
  const { url } = started.body.data as unknown as { url: string }
  const browser = createBrowser({ [PUBLIC_URL]: it.url })
  const agree = async ({ orgId, userId }: { orgId: string; userId: string }) => {
    const asked = Object.fromEntries(new URL((await browser.open(url)).url).searchParams)
    const page = `${it.salesforce.url}/setup/secur/RemoteAccessAuthorizationPage.apexp`
    return browser.send(page, { ...asked, user: `${orgId}/${userId}`, decision: 'Allow' })
  }
  t.match(await agree(other), { status: 400, text: /another account/ })
  t.match(await agree(mine), { status: 200, text: /close this page/ })
  t.match(await browser.open(url), { status: 410 }, 'and the link has done its work')
  t.match(await asks('GET', '/session'), { body: { data: { connection: { state: 'setup' } } } }, 'which the open page learns by asking')
  const accounts = await it.db.selectFrom('connection').select('account_key').execute()
  t.notOk(accounts.some(({ account_key }) => account_key === other.orgId))
})

t.test('people sign in on their own by the CRM, and get a code that works once', async (t) => {
  const it = await testApp(t, { hubspot: { app: { redirectUris: [`${PUBLIC_URL}/oauth/hubspot/callback`] } } })
  const jar: Jar = new Map()
  const browser = createBrowser({ [PUBLIC_URL]: it.url }, jar)
  await browser.open(`${PUBLIC_URL}/sign-in/hubspot`)
  const back = await browser.answer({ portal: String(PORTAL), decision: 'allow' })
  t.match(await createBrowser({ [PUBLIC_URL]: it.url }).open(back), { status: 400, text: /not begun in this browser/ })
  t.match(await browser.open(back), { status: 400 }, 'and then it is over')

  await browser.open(`${PUBLIC_URL}/sign-in/hubspot`)
  const page = await browser.submit({ portal: String(PORTAL), decision: 'allow' })
  t.equal(page.status, 200)
  const [, code] = /#code=([\w-]{43})$/.exec(page.url) ?? []
  t.match(page.headers.get('content-security-policy'), /frame-ancestors 'none'/)
  const trade = () => tradeCode(it, code, jar)
  const traded = await trade()
  t.match(traded, { status: 200, body: { data: { bearer: String } } })
  const { bearer } = traded.body.data as unknown as { bearer: string }
  t.match(await withBearer(it, bearer)('GET', '/session'), {
    body: { data: { account: String(PORTAL), userId: '606', admin: true, connection: { id: it.connectionId } } },
  })
  t.match(await trade(), { status: 401, body: { code: 'code_spent' } })

  await browser.open(`${PUBLIC_URL}/sign-in/hubspot`)
  const sent = await browser.submit({ portal: String(PORTAL), decision: 'allow' })
  const [, planted] = /#code=([\w-]{43})$/.exec(sent.url) ?? []
  t.match(await tradeCode(it, planted, new Map()), { status: 401, body: { code: 'code_spent' } }, 'a code that somebody else was sent')

  await browser.open(`${PUBLIC_URL}/sign-in/hubspot`)
  t.match(await browser.submit({ portal: String(PORTAL), decision: 'deny' }), { status: 400, text: /not signed in/i })
  t.match(await browser.open(`${PUBLIC_URL}/sign-in/webhook`), { status: 404 })
  t.equal((await it.db.selectFrom('connection').selectAll().execute()).length, 1, 'nobody was connected by it')
})

t.test('in Salesforce somebody who signs in is asked for nothing that lasts', async (t) => {
  const { it, orgId, userId, connectionId } = await withOrg(t)
  const jar: Jar = new Map()
  const browser = createBrowser({ [PUBLIC_URL]: it.url }, jar)
  const asked = new URL((await browser.open(`${PUBLIC_URL}/sign-in/salesforce?host=${encodeURIComponent(it.salesforce.url)}`)).url)
    .searchParams
  t.strictSame(asked.get('scope')?.split(' '), ['api', 'id'])
  const page = await browser.send(`${it.salesforce.url}/setup/secur/RemoteAccessAuthorizationPage.apexp`, {
    ...Object.fromEntries(asked),
    user: `${orgId}/${userId}`,
    decision: 'Allow',
  })
  const [, code] = /#code=([\w-]{43})$/.exec(page.url) ?? []
  const { bearer } = (await tradeCode(it, code, jar)).body.data as unknown as { bearer: string }
  t.match(await withBearer(it, bearer)('GET', '/session'), {
    body: { data: { account: orgId, userId, admin: true, connection: { id: connectionId } } },
  })
  t.match(await browser.open(`${PUBLIC_URL}/sign-in/salesforce?host=evil.example`), {
    status: 400,
    text: /no sign-in address of Salesforce/,
  })
})
