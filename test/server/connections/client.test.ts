import t, { type Test } from 'tap'
import type { AppCredentials, Connector, CrmRequest, HttpRequest } from '../../../connectors/connector.ts'
import type { CodedError } from '../../../connectors/errors.ts'
import { appSecretProof } from '../../../connectors/graph/app-secret-proof.ts'
import { hubspot } from '../../../connectors/hubspot/index.ts'
import { metaLeadAds } from '../../../connectors/meta-lead-ads/index.ts'
import { setUp } from './set-up.ts'

const DETAILS: CrmRequest = { method: 'GET', url: '/account-info/2026-09/details' }
const CONTACTS = '/crm/objects/2026-09/contacts'

t.test('a request is made in the name of the connection', async (t) => {
  const { newClient, crm } = await setUp(t)
  const { id } = crm.create({ type: 'contacts', properties: { firstname: 'Zoë' } })
  const reply = await newClient().request({
    method: 'POST',
    url: `${CONTACTS}/batch/read`,
    json: { inputs: [{ id }], properties: ['firstname'], propertiesWithHistory: [] },
  })
  t.match(reply, { status: 200, body: { results: [{ id, properties: { firstname: 'Zoë' } }] } })
})

t.test('twenty calls with an expired token renew it once', async (t) => {
  const { newClient, crm } = await setUp(t)
  crm.expireTokens({})
  const client = newClient()
  const replies = await Promise.all(Array.from({ length: 20 }, () => client.request(DETAILS)))
  t.ok(replies.every(({ status }) => status === 200))
  t.match(crm.tokenCounts(), { refreshes: 1, refused: 0 })
})

t.test('a new token is in the store when the first request uses it', async (t) => {
  const { newClient, crm, http, storedGrant } = await setUp(t)
  crm.rotateRefreshTokens({ on: true })
  crm.expireTokens({})
  const used: [sent: string | undefined, stored: string][] = []
  const client = newClient({
    http: async (request) => {
      const sent = request.headers?.authorization
      if (sent !== undefined) used.push([sent, `Bearer ${(await storedGrant()).accessToken}`])
      return http(request)
    },
  })
  await client.request(DETAILS)
  t.equal(used.length, 2)
  t.equal(new Set(used.map(([sent]) => sent)).size, 2)
  for (const [sent, stored] of used) t.equal(sent, stored)
})

t.test('a CRM that refuses every token is asked twice, then the error is told', async (t) => {
  const { newClient, crm } = await setUp(t)
  crm.fail({ status: 401, path: '/account-info', times: 0 })
  const client = newClient()
  await t.rejects(client.request(DETAILS), { code: 'expired_token' })
  await t.rejects(client.request(DETAILS), { code: 'expired_token' })
  t.equal(crm.tokenCounts().refreshes, 1)
})

t.test('an uninstalled app is found out by the refusal of both tokens', async (t) => {
  const { newClient, crm, connection } = await setUp(t)
  crm.uninstall({})
  await t.rejects(newClient().request(DETAILS), { code: 'grant_revoked', retry: 'never' })
  t.match(await connection(), { state: 'attention', state_reason: 'reconnect' })
})

t.test('passing failures are tried again, up to three times', async (t) => {
  const { newClient, crm } = await setUp(t)
  const client = newClient()
  for (const status of [500, 502, 503, 504, 521, 524]) {
    crm.fail({ status, path: '/account-info', times: 2 })
    t.match(await client.request(DETAILS), { status: 200 }, String(status))
  }
  crm.fail({ status: 500, path: '/account-info', times: 4 })
  await t.rejects(client.request(DETAILS), { code: 'crm_unavailable', retry: 'later' })
  t.match(await client.request(DETAILS), { status: 200 }, 'three of the four failures were used up, this one met the last')
})

t.test('a lost connection and an answer that is no JSON are passing too', async (t) => {
  const { newClient, crm } = await setUp(t, { timeoutMs: 3_000 })
  const client = newClient()
  crm.misbehave({ how: 'drop' })
  t.match(await client.request(DETAILS), { status: 200 })
  crm.misbehave({ how: 'silence' })
  t.match(await client.request(DETAILS), { status: 200 })
  crm.misbehave({ how: 'answer', status: 200, text: '<html>' })
  t.match(await client.request(DETAILS), { status: 200 })
  crm.misbehave({ how: 'answer', status: 200, text: '<html>', times: 3 })
  await t.rejects(client.request(DETAILS), { code: 'unreadable_answer', retry: 'later' })
  crm.misbehave({ how: 'drop', times: 3 })
  await t.rejects(client.request(DETAILS), { code: 'network', retry: 'later' })
})

t.test('a locked record is waited for as long as HubSpot asks', async (t) => {
  const { newClient, crm } = await setUp(t)
  crm.fail({ status: 423, path: '/account-info' })
  t.match(await newClient().request(DETAILS), { status: 200 })
})

t.test('a limit of the second is sat out', async (t) => {
  const { newClient, crm } = await setUp(t)
  crm.misbehave({ how: 'answer', status: 429, json: { policyName: 'SECONDLY', errorType: 'RATE_LIMIT' } })
  t.match(await newClient().request(DETAILS), { status: 200 })
})

t.test('a long delay is the matter of the caller, and nobody asks meanwhile', async (t) => {
  const { newClient, crm } = await setUp(t)
  for (const [failure, code, afterMs] of [
    [{ status: 477, retryAfter: 3600 }, 'account_moving', 3_600_000],
    [{ status: 477, retryAfter: 86_400 }, 'account_moving', 86_400_000],
  ] as const) {
    const client = newClient()
    crm.fail({ ...failure, path: '/account-info' })
    await t.rejects(client.request(DETAILS), { code, retry: { afterMs } })
    crm.reset()
    const error = (await client.request({ ...DETAILS, bucket: 'search' }).catch((error) => error)) as CodedError
    t.match(error, { code: 'crm_limit_reached', scope: 'connection' })
    t.ok(typeof error.retry === 'object' && error.retry.afterMs > afterMs - 60_000 && error.retry.afterMs <= afterMs)
    t.same(crm.requests(), [])
  }
  const client = newClient()
  crm.misbehave({ how: 'answer', status: 429, json: { policyName: 'DAILY', errorType: 'RATE_LIMIT' } })
  await t.rejects(client.request(DETAILS), { code: 'rate_limited', retry: { afterMs: 3_600_000 } })
})

t.test('what will not get better is told at once', async (t) => {
  const { newClient, crm } = await setUp(t)
  const client = newClient()
  for (const [status, code] of [
    [400, 'refused_by_crm'],
    [403, 'missing_scope'],
    [404, 'not_found'],
  ] as const) {
    crm.fail({ status, path: '/account-info' })
    await t.rejects(client.request(DETAILS), { code, retry: 'never' })
    t.match(await client.request(DETAILS), { status: 200 }, 'there was one request only')
  }
})

t.test('a status that the caller expects comes back as an answer', async (t) => {
  const { newClient, crm } = await setUp(t)
  crm.fail({ status: 404, path: '/account-info' })
  t.match(await newClient().request({ ...DETAILS, expect: [404] }), { status: 404, body: { category: 'OBJECT_NOT_FOUND' } })
  crm.misbehave({ how: 'answer', status: 204, text: '' })
  t.same(await newClient().request(DETAILS), { status: 204, body: undefined })
})

t.test('large integers in an answer keep their digits', async (t) => {
  const { newClient, crm } = await setUp(t)
  crm.misbehave({ how: 'answer', status: 200, text: '{"value":12345678901234567}' })
  t.same(await newClient().request(DETAILS), { status: 200, body: { value: '12345678901234567' } })
})

t.test('a burst stays under the limits of the account, by bucket', async (t) => {
  const limits = { burst: { count: 22, perMs: 300 }, search: { count: 5, perMs: 200 }, associations: { count: 100, perMs: 300 } }
  const { newClient, crm } = await setUp(t, { crm: { limits } })
  const manifest = {
    ...hubspot.manifest,
    limits: { default: { count: 20, perMs: 300, concurrent: 8 }, search: { count: 4, perMs: 200, concurrent: 2 } },
  }
  const client = newClient({ connector: { manifest, classify: hubspot.classify } })
  const search: CrmRequest = { method: 'POST', url: `${CONTACTS}/search`, bucket: 'search', json: { filterGroups: [], limit: 1 } }
  await Promise.all([
    ...Array.from({ length: 70 }, () => client.request(DETAILS)),
    ...Array.from({ length: 12 }, () => client.request(search)),
  ])
  const seen = crm.requests()
  t.equal(seen.length, 82)
  t.same(
    seen.filter(({ status }) => status === 429),
    [],
  )
})

t.test('a request never leaves for another host', async (t) => {
  const { newClient } = await setUp(t)
  await t.rejects(newClient().request({ method: 'GET', url: 'https://example.com/' }), /begins with a slash/)
  await t.rejects(newClient().request({ method: 'GET', url: '@example.com/' }), /begins with a slash/)
})

t.test('no token, secret or personal data shows in logs or errors, whatever goes wrong', async (t) => {
  const { newClient, crm, lines, grant, app, storedGrant, passMinutes } = await setUp(t, { timeoutMs: 200 })
  const email = 'canary.person@example.com'
  const told: unknown[] = []
  const personal: CrmRequest = { method: 'POST', url: `${CONTACTS}/search`, json: { q: email }, query: { idProperty: email } }
  const tryIt = (request: CrmRequest) =>
    newClient()
      .request(request)
      .catch((error) => told.push(error, error.message, error.stack, error.cause))
  for (const status of [400, 401, 403, 404, 409, 423, 500]) {
    crm.misbehave({ how: 'answer', path: '/search', status, times: 3, json: { message: `${email} ${grant.accessToken}`, category: email } })
    await tryIt({ ...personal, expect: [423] })
    crm.behave()
  }
  crm.misbehave({ how: 'drop', times: 3 })
  await tryIt(personal)
  crm.setClientSecret({ clientSecret: 'other' })
  passMinutes(31)
  await tryIt(personal)
  crm.setClientSecret({ clientSecret: app.clientSecrets[0] as string })
  crm.revokeGrant({})
  await tryIt(personal)
  const all = JSON.stringify([told, lines])
  const stored = await storedGrant()
  t.ok(told.length > 20 && lines.length > 5, 'there was something to tell')
  for (const secret of [email, grant.accessToken, stored.accessToken, grant.refreshToken, app.clientSecrets[0] as string])
    t.notOk(all.includes(secret))
})

t.test('a share of a limit leaves room for the rest, and counts against the whole', async (t) => {
  const { newClient, crm } = await setUp(t, { crm: { limits: { burst: { count: 12, perMs: 300 } } } })
  const manifest = {
    ...hubspot.manifest,
    limits: {
      default: { count: 10, perMs: 300, concurrent: 8 },
      history: { count: 4, perMs: 300, concurrent: 4, within: 'default' },
    },
  }
  const client = newClient({ connector: { ...hubspot, manifest } })
  const ended: string[] = []
  const ask = async (bucket: string) => {
    await client.request({ ...DETAILS, bucket })
    ended.push(bucket)
  }
  await Promise.all([...Array.from({ length: 16 }, () => ask('history')), ...Array.from({ length: 16 }, () => ask('default'))])
  t.ok(crm.requests().every(({ status }) => status === 200))
  t.ok(ended.indexOf('default') < ended.lastIndexOf('history'))
  t.ok(ended.slice(0, 24).filter((bucket) => bucket === 'default').length >= 12, ended.join(' '))
})

/** Meta's leads are read through a budget that is told with each answer, and with a proof in each request. */
async function leadsClient(t: Test) {
  const { newClient } = await setUp(t)
  const asked: HttpRequest[] = []
  const told = { used: 10 }
  const app: AppCredentials = { appId: '1', clientId: '1', clientSecrets: ['app-secret'], baseUrl: 'https://graph.example/v1' }
  const client = newClient({
    connector: metaLeadAds as Connector,
    app,
    maxQueueMs: 50,
    accessToken: { current: async () => ({ token: 'EAApage', apiUrl: app.baseUrl }), instead: async () => undefined },
    http: async (request) => {
      asked.push(request)
      return { status: 200, headers: { 'x-app-usage': JSON.stringify({ call_count: told.used }) }, text: '{}' }
    },
  })
  return { client, asked, told }
}

t.test('a CRM that wants a proof gets it with every request, beside what the request asks', async (t) => {
  const { client, asked } = await leadsClient(t)
  await client.request({ method: 'GET', url: '/123', query: { fields: 'id' } })
  await client.request({ method: 'DELETE', url: '/123/subscribed_apps' })
  const appsecret_proof = appSecretProof('app-secret', 'EAApage')
  t.match(asked, [
    { url: 'https://graph.example/v1/123', query: { fields: 'id', appsecret_proof }, headers: { authorization: 'Bearer EAApage' } },
    { query: { appsecret_proof } },
  ])
  t.ok(asked.every(({ url }) => !url.includes('EAApage')))
})

t.test('what can wait rests while little of a budget is left, and keeps nobody else waiting', async (t) => {
  const { client, asked, told } = await leadsClient(t)
  const bulk = () => client.request({ method: 'GET', url: '/1/leads', bucket: 'bulk' })
  await bulk()
  await bulk()
  told.used = 99
  await bulk()
  await t.rejects(bulk(), { code: 'crm_limit_reached', retry: { afterMs: Number } })
  for (let n = 0; n < 5; n++) await client.request({ method: 'GET', url: '/2' })
  t.equal(asked.length, 8)
})
