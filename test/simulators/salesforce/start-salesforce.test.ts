import { createHash, createHmac, randomBytes } from 'node:crypto'
import jsforce from 'jsforce'
import t, { type Test } from 'tap'
import { startChild } from '../child.ts'
import { connectPeer } from './pubsub-peer.ts'
import { demoApp, type Salesforce, type SalesforceOptions, startSalesforce } from './start-salesforce.ts'

type Json = Record<string, unknown>
const redirectUri = demoApp.redirectUris[0] as string
const version = '66.0'
const root = `/services/data/v${version}`

async function start(test: Test, options: SalesforceOptions = {}): Promise<Salesforce> {
  const salesforce = await startSalesforce({ orgs: [{ refreshToken: 'refresh' }], refreshMs: 0, ...options })
  test.teardown(salesforce.close)
  return salesforce
}

function connect(salesforce: Salesforce, refreshToken = 'refresh') {
  const { accessToken } = salesforce.accessToken({ refreshToken })
  const conn = new jsforce.Connection({ instanceUrl: salesforce.url, accessToken, version, maxRequest: 1 })
  const call = async (path: string, init: { method?: string; body?: unknown; token?: string; headers?: Record<string, string> } = {}) => {
    const { method = 'GET', body, token = accessToken, headers } = init
    const response = await fetch(salesforce.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: text.startsWith('[') || text.startsWith('{') ? JSON.parse(text) : undefined,
    }
  }
  const ask = (soql: string, path = 'query') => call(`${root}/${path}?q=${encodeURIComponent(soql)}`)
  return { conn, call, ask, accessToken }
}

const app = (salesforce: Salesforce) =>
  new jsforce.OAuth2({ loginUrl: salesforce.url, clientId: demoApp.clientId, clientSecret: demoApp.clientSecret, redirectUri })

async function askToken(salesforce: Salesforce, form: Record<string, string>) {
  const { clientId: client_id, clientSecret: client_secret } = demoApp
  const body = new URLSearchParams({ grant_type: 'refresh_token', client_id, client_secret, ...form })
  const response = await fetch(`${salesforce.url}/services/oauth2/token`, { method: 'POST', body })
  return { status: response.status, json: (await response.json()) as Json }
}

/** What a person's browser sends who clicks on one of the page's buttons. */
async function click(salesforce: Salesforce, page: string, label: 'Allow' | 'Deny'): Promise<URL> {
  const form = page.split('<form').find((part) => part.includes(`value="${label}"`)) as string
  const plain = (text: string) => text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
  const fields = [...form.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [
    name as string,
    plain(value as string),
  ])
  const user = /<option value="([^"]*)"/.exec(form)?.[1]
  const action = /action="([^"]*)"/.exec(form)?.[1]
  const body = new URLSearchParams([...fields, ...(user === undefined ? [] : [['user', user]]), ['decision', label]] as [string, string][])
  const response = await fetch(salesforce.url + action, { method: 'POST', body, redirect: 'manual' })
  return new URL(response.headers.get('location') as string)
}

const verifier = randomBytes(48).toString('base64url')
const challengeOf = (text: string) => createHash('sha256').update(text).digest('base64url')
const challenge = challengeOf(verifier)

t.test('jsforce signs in with a code and a verifier, refreshes, and reads who it is', async (t) => {
  const salesforce = await start(t, { orgs: [{ user: { username: 'ana@example.com' } }] })
  const org = salesforce.org()
  const userId = [...org.users.keys()][1]
  const oauth2 = app(salesforce)
  const consent = await fetch(
    oauth2.getAuthorizationUrl({
      scope: 'api refresh_token id',
      state: 'state-1',
      login_hint: 'ana@example.com',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    }),
  )
  t.equal(consent.headers.get('x-frame-options'), 'DENY')
  const back = await click(salesforce, await consent.text(), 'Allow')
  t.equal(back.origin + back.pathname, redirectUri)
  t.equal(back.searchParams.get('state'), 'state-1')

  const reply = await oauth2.requestToken(back.searchParams.get('code') as string, { code_verifier: verifier })
  t.match(reply, {
    instance_url: salesforce.url,
    token_type: 'Bearer',
    scope: 'api refresh_token id',
    id: `${salesforce.url}/id/${org.id}/${userId}`,
  })
  t.notOk('expires_in' in reply)
  t.equal(
    reply.signature,
    createHmac('sha256', demoApp.clientSecret)
      .update(reply.id + reply.issued_at)
      .digest('base64'),
  )

  const refreshed = await oauth2.refreshToken(reply.refresh_token as string)
  t.not(refreshed.refresh_token, reply.refresh_token, 'the refresh token is another one')
  const conn = new jsforce.Connection({ instanceUrl: salesforce.url, accessToken: refreshed.access_token, version })
  const me = await conn.request<Json>({ method: 'GET', url: refreshed.id })
  t.match(me, { organization_id: org.id, user_id: userId, username: 'ana@example.com' })
  await oauth2.revokeToken(refreshed.refresh_token as string)
  await t.rejects(async () => await conn.query('SELECT Id FROM Lead'), { name: 'INVALID_SESSION_ID' })
  await t.rejects(oauth2.refreshToken(refreshed.refresh_token as string), {
    name: 'invalid_grant',
    message: 'expired access/refresh token',
  })
})

t.test('Consent is refused to unknown apps and addresses, without a challenge, by people, and where the package is missing', async (t) => {
  const salesforce = await start(t)
  const query = {
    response_type: 'code',
    client_id: demoApp.clientId,
    redirect_uri: redirectUri,
    state: 's',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  }
  const open = async (changed: Json) => {
    const given = Object.entries({ ...query, ...changed }).filter(([, value]) => value !== undefined) as [string, string][]
    const response = await fetch(`${salesforce.url}/services/oauth2/authorize?${new URLSearchParams(given)}`, { redirect: 'manual' })
    return { status: response.status, location: response.headers.get('location'), text: await response.text() }
  }
  t.match(await open({ client_id: 'other' }), { status: 400, location: null, text: /invalid_client_id/ })
  t.match(await open({ redirect_uri: 'https://evil.example.com/' }), { status: 400, location: null, text: /redirect_uri_mismatch/ })
  t.match(await open({ code_challenge: undefined }), { status: 302, location: /error=invalid_request.*state=s/ })
  t.match(await open({ code_challenge_method: undefined }), { status: 302, location: /error=invalid_request/ })
  const { text } = await open({})
  t.equal((await click(salesforce, text, 'Deny')).searchParams.get('error'), 'access_denied')
  salesforce.uninstall({})
  t.equal((await click(salesforce, text, 'Allow')).searchParams.get('error'), 'OAUTH_EC_APP_NOT_FOUND')
})

t.test('A code is good once, with its own verifier and address', async (t) => {
  const salesforce = await start(t)
  const newCode = async (code_challenge: string) => {
    const consent = await fetch(app(salesforce).getAuthorizationUrl({ code_challenge, code_challenge_method: 'S256' }))
    return (await click(salesforce, await consent.text(), 'Allow')).searchParams.get('code') as string
  }
  const code = await newCode(challenge)
  const trade = (changed: Record<string, string>) =>
    askToken(salesforce, { grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...changed })
  const unproven = { status: 400, json: { error: 'invalid_grant', error_description: 'invalid code verifier' } }
  t.match(await trade({}), unproven, 'without a verifier')
  t.match(await trade({ code_verifier: 'x'.repeat(43) }), unproven, 'with another')
  for (const unfit of ['x'.repeat(42), 'x'.repeat(129), `${'x'.repeat(42)}~`])
    t.match(await trade({ code: await newCode(challengeOf(unfit)), code_verifier: unfit }), unproven)
  t.match(await trade({ code_verifier: verifier, client_secret: 'wrong' }), { status: 400, json: { error: 'invalid_client' } })
  t.match(await trade({ code_verifier: verifier, client_id: 'wrong' }), { status: 400, json: { error: 'invalid_client_id' } })
  t.match(await trade({ code_verifier: verifier, redirect_uri: 'https://a.example.com/' }), { json: { error: 'redirect_uri_mismatch' } })
  t.equal((await trade({ code_verifier: verifier })).status, 200)
  t.match(await trade({ code_verifier: verifier }), {
    status: 400,
    json: { error: 'invalid_grant', error_description: 'expired authorization code' },
  })
})

t.test('A refresh token is good once; to use it again ends what came of it', async (t) => {
  const salesforce = await start(t)
  const first = await askToken(salesforce, { refresh_token: 'refresh' })
  t.equal(first.status, 200)
  const again = await askToken(salesforce, { refresh_token: 'refresh' })
  t.match(again, { status: 400, json: { error: 'invalid_grant', error_description: 'expired access/refresh token' } })
  t.match(await askToken(salesforce, { refresh_token: first.json.refresh_token as string }), {
    status: 400,
    json: { error: 'invalid_grant' },
  })
  const { call } = connect(await start(t))
  t.equal((await call(`${root}/limits`, { token: first.json.access_token as string })).status, 401)
  t.match(salesforce.tokenCounts(), { refreshes: 1, reused: 1 })
})

t.test('Two refreshes at once: one is told that the other is under way, and nothing is lost', async (t) => {
  const salesforce = await start(t, { refreshMs: 50 })
  const both = await Promise.all([askToken(salesforce, { refresh_token: 'refresh' }), askToken(salesforce, { refresh_token: 'refresh' })])
  const [good, bad] = both[0].status === 200 ? both : [both[1], both[0]]
  t.match(bad, { status: 400, json: { error: 'invalid_grant', error_description: 'token request is already being processed' } })
  t.equal((await askToken(salesforce, { refresh_token: good.json.refresh_token as string })).status, 200)
})

t.test('Approvals end: by idleness, by a sixth one, with the user, with the org', async (t) => {
  let now = Date.parse('2026-11-20T10:00:00Z')
  const salesforce = await start(t, { clock: () => now })
  const tokens = Array.from({ length: 5 }, () => salesforce.grant({}).refreshToken)
  t.match(await askToken(salesforce, { refresh_token: 'refresh' }), { json: { error: 'invalid_grant' } }, 'the first of six')
  t.equal((await askToken(salesforce, { refresh_token: tokens[0] as string })).status, 200)
  salesforce.setUser({ active: false })
  t.match(await askToken(salesforce, { refresh_token: tokens[1] as string }), { json: { error: 'inactive_user' } })
  salesforce.setUser({ active: true })
  now += 31 * 86_400_000
  t.match(await askToken(salesforce, { refresh_token: tokens[2] as string }), { json: { error: 'invalid_grant' } })
  const fresh = salesforce.grant({}).refreshToken
  salesforce.removeOrg({})
  t.match(await askToken(salesforce, { refresh_token: fresh }), { json: { error: 'inactive_org' } })
})

t.test('Without rotation a refresh gives no refresh token and leaves the one there is', async (t) => {
  const salesforce = await start(t)
  salesforce.rotateRefreshTokens({ on: false })
  t.notOk('refresh_token' in (await askToken(salesforce, { refresh_token: 'refresh' })).json)
  t.equal((await askToken(salesforce, { refresh_token: 'refresh' })).status, 200)
})

t.test('jsforce queries page by page, and renews an ended session by itself', async (t) => {
  const salesforce = await start(t)
  const records = Array.from({ length: 4500 }, (_, index) => ({ LastName: `L${index}`, Company: 'Acme' }))
  const { ids } = salesforce.insert({ object: 'Lead', records })
  const oauth2 = app(salesforce)
  const { accessToken } = salesforce.accessToken({ refreshToken: 'refresh' })
  const conn = new jsforce.Connection({ oauth2, instanceUrl: salesforce.url, accessToken, refreshToken: 'refresh', version })
  const first = await conn.query<{ Id: string }>('SELECT Id FROM Lead ORDER BY Id')
  t.match({ done: first.done, total: first.totalSize, size: first.records.length }, { done: false, total: 4500, size: 2000 })
  salesforce.expireTokens({})
  const second = await conn.queryMore<{ Id: string }>(first.nextRecordsUrl as string)
  const third = await conn.queryMore<{ Id: string }>(second.nextRecordsUrl as string)
  t.equal(third.done, true)
  t.same(
    [first, second, third].flatMap(({ records }) => records.map(({ Id }) => Id)),
    ids.toSorted(),
  )
  t.equal(salesforce.tokenCounts().refreshes, 1)
  t.equal(conn.limitInfo.apiUsage?.limit, 100_000)
  t.match(salesforce.counts({}), { query: 1, queryMore: 3, token: 1 })
})

t.test('jsforce describes objects, reads limits, writes records, and asks what was changed and deleted', async (t) => {
  let now = Date.parse('2026-11-20T10:00:30Z')
  const salesforce = await start(t, { clock: () => now })
  const { conn } = connect(salesforce)
  const lead = await conn.sobject('Lead').describe()
  const field = (name: string) => lead.fields.find((each) => each.name === name)
  t.match(field('Meta_Lead_ID__c'), { type: 'string', length: 18, custom: true, externalId: true, label: 'Meta Lead ID' })
  t.match(field('FirstName'), { compoundFieldName: 'Name', custom: false })
  t.match(field('Status')?.picklistValues?.[0], {
    value: 'Open - Not Contacted',
    label: 'Open - Not Contacted',
    active: true,
    defaultValue: true,
  })
  t.match(field('ConvertedOpportunityId'), { type: 'reference', referenceTo: ['Opportunity'], relationshipName: 'ConvertedOpportunity' })
  t.ok((await conn.describeGlobal()).sobjects.some(({ name }) => name === 'Opportunity'))
  t.match(await conn.limits(), { DailyApiRequests: { Max: 100_000 }, DailyDeliveredPlatformEvents: { Max: 25_000, Remaining: 25_000 } })

  const { id } = (await conn.sobject('Lead').create({ LastName: 'Ito', Company: 'Acme' })) as { id: string }
  await conn.sobject('Lead').update({ Id: id, Meta_Lead_ID__c: '1234567890123456' })
  t.match(await conn.sobject('Lead').retrieve(id), { Id: id, Name: 'Ito', Meta_Lead_ID__c: '1234567890123456' })
  now += 60_000
  const period = ['2026-11-20T10:00:00Z', '2026-11-20T10:01:00Z'] as const
  t.match(await conn.sobject('Lead').updated(...period), { ids: [id], latestDateCovered: '2026-11-20T10:01:00.000+0000' })
  await conn.sobject('Lead').destroy(id)
  now += 60_000
  const gone = await conn.sobject('Lead').deleted('2026-11-20T10:01:00Z', '2026-11-20T10:02:00Z')
  t.match(gone.deletedRecords, [{ id, deletedDate: '2026-11-20T10:01:30.000+0000' }])
  await t.rejects(conn.sobject('Lead').retrieve(id), { name: 'ENTITY_IS_DELETED' })
})

t.test('Queries answer as Salesforce does: parents, nulls, dates, counts, labels, deleted records', async (t) => {
  const now = Date.parse('2026-11-20T10:00:00.700Z')
  const salesforce = await start(t, { clock: () => now })
  const { ask } = connect(salesforce)
  salesforce.setStages({
    leadStatuses: [
      { ApiName: 'new', MasterLabel: 'Neu', IsDefault: true },
      { ApiName: 'done', IsConverted: true },
    ],
  })
  const { ids } = salesforce.insert({
    object: 'Lead',
    at: now - 8 * 86_400_000,
    records: [
      { LastName: 'Almond', FirstName: 'Ada', Company: "O'Neil", Email: 'ADA@example.com', AnnualRevenue: 139_000_000, City: 'Bonn' },
      { LastName: 'Birch', Company: 'B', Meta_Lead_ID__c: '1234567890123456' },
    ],
  })
  const [ada = '', birch = ''] = ids
  salesforce.update({ object: 'Lead', records: [{ Id: birch, Status: 'done' }] })
  const rows = async (soql: string, path?: string) => (await ask(soql, path)).json.records as Json[]

  const [row] = await rows(
    `SELECT Id, Name, Owner.Username, ConvertedOpportunity.StageName, Address, CreatedDate, toLabel(Status) FROM Lead WHERE Id = '${ada.slice(0, 15)}'`,
  )
  t.match(row, {
    attributes: { type: 'Lead', url: `${root}/sobjects/Lead/${ada}` },
    Name: 'Ada Almond',
    Owner: { attributes: { type: 'User' }, Username: 'admin@org1.example.com' },
    ConvertedOpportunity: null,
    Address: { city: 'Bonn', street: null },
    CreatedDate: '2026-11-12T10:00:00.000+0000',
    Status: 'Neu',
  })
  t.match((await ask('SELECT AnnualRevenue FROM Lead WHERE AnnualRevenue > 0')).text, /"AnnualRevenue":1\.39E8/)

  const found = async (where: string) => (await rows(`SELECT Id FROM Lead WHERE ${where} ORDER BY Name`)).map(({ Id }) => Id)
  t.same(await found("Email = 'ada@EXAMPLE.com'"), [ada], 'text is compared without case')
  t.same(await found("Company = 'O\\'Neil'"), [ada])
  t.same(await found('Meta_Lead_ID__c != null'), [birch])
  t.same(await found("Meta_Lead_ID__c != '1'"), [ada, birch], 'what is empty differs from a value')
  t.same(await found("LastName LIKE 'b_rc%'"), [birch])
  t.same(await found("NOT (Status = 'done' OR City = null)"), [ada])
  t.same(await found(`Status IN ('new', 'done') AND Id NOT IN ('${ada}')`), [birch])
  t.same(await found('CreatedDate = LAST_N_DAYS:7'), [])
  t.same(await found('CreatedDate = LAST_N_DAYS:8'), ids)
  t.same(await found('LastModifiedDate >= 2026-11-20T10:00:00Z AND LastModifiedDate < 2026-11-20T12:00:01+02:00'), [birch])
  t.same(await found(`Id IN (SELECT ConvertedOpportunityId FROM Lead) OR Id = '${ada}'`), [ada])
  t.match((await ask('SELECT COUNT() FROM Lead')).json, { totalSize: 2, done: true, records: [] })
  t.match(await rows('SELECT COUNT(Email), COUNT_DISTINCT(Status) statuses FROM Lead'), [{ expr0: 1, statuses: 2 }])
  t.match(await rows('SELECT Status, COUNT(Id) n FROM Lead GROUP BY Status'), [
    { Status: 'new', n: 1 },
    { Status: 'done', n: 1 },
  ])
  t.match(await rows('SELECT FIELDS(CUSTOM) FROM Lead WHERE Meta_Lead_ID__c != null LIMIT 200'), [{ Meta_Lead_ID__c: '1234567890123456' }])

  const [type] = await rows("SELECT Id FROM RecordType WHERE SobjectType = 'Lead' AND DeveloperName = 'Consumer'")
  salesforce.update({ object: 'Lead', records: [{ Id: ada, RecordTypeId: type?.Id as string }] })
  t.match(await rows("SELECT Id, RecordType.DeveloperName FROM Lead WHERE RecordType.DeveloperName = 'consumer'"), [
    { Id: ada, RecordType: { DeveloperName: 'Consumer' } },
  ])

  salesforce.merge({ master: ada, losers: [birch] })
  t.same(await found('Name != null'), [ada])
  t.match(await rows(`SELECT Id, IsDeleted, MasterRecordId FROM Lead WHERE Id = '${birch}'`, 'queryAll'), [
    { IsDeleted: true, MasterRecordId: ada },
  ])
  salesforce.purge({ object: 'Lead', ids: [birch] })
  t.same(await rows(`SELECT Id FROM Lead WHERE Id = '${birch}'`, 'queryAll'), [])
})

t.test('Queries that jsforce builds are understood, and records that it sends together are one transaction', async (t) => {
  const salesforce = await start(t)
  const { conn } = connect(salesforce)
  const sent = ['A', "B'b", 'C'].map((LastName) => ({ LastName, Company: 'Acme' }))
  const ids = (await conn.sobject('Lead').create(sent)).map(({ id }) => id as string)
  const found = await conn
    .sobject('Lead')
    .find({ $or: [{ LastName: { $like: 'A%' } }, { LastName: "B'b", IsConverted: false }], Id: { $in: ids } }, ['Id', 'Owner.Name'])
    .sort({ LastName: -1 })
    .limit(2)
    .execute()
  t.match(found, [{ Id: ids[1] }, { Id: ids[0], Owner: { Name: /@/ } }])
  await conn.sobject('Lead').update(ids.map((Id) => ({ Id, Status: 'Working - Contacted' })))
  const changes = salesforce
    .org()
    .changeLog.behind(0, 100)
    .map(({ change }) => change)
  t.match(changes.at(-1), { recordIds: ids, changeType: 'UPDATE', changeOrigin: /^com\/salesforce\/api\/rest\/66\.0/ })
  t.equal(new Set(changes.map(({ transactionKey }) => transactionKey)).size, 2)
  const { records } = await conn.tooling.query<Json>('SELECT COUNT_DISTINCT(SelectedEntity) n FROM PlatformEventChannelMember')
  t.match(records, [{ n: 2 }])
})

t.test('Queries are refused as Salesforce refuses them', async (t) => {
  const salesforce = await start(t)
  const { ask, call, conn } = connect(salesforce)
  const refused = async (soql: string, errorCode: string, path?: string) =>
    t.match(await ask(soql, path), { status: 400, json: [{ errorCode }] }, soql)
  await refused('SELECT Nothing__c FROM Lead', 'INVALID_FIELD')
  await refused('SELECT Nobody.Name FROM Lead', 'INVALID_FIELD')
  await refused('SELECT Id FROM Nothing', 'INVALID_TYPE')
  await refused('SELECT FROM Lead', 'MALFORMED_QUERY')
  await refused('SELECT * FROM Lead', 'MALFORMED_QUERY')
  await refused('SELECT Id FROM Lead WHERE', 'MALFORMED_QUERY')
  await refused("SELECT Id FROM Lead WHERE Status = 'a' AND City = 'b' OR City = 'c'", 'MALFORMED_QUERY')
  await refused("SELECT Id FROM Lead WHERE Status == 'a'", 'MALFORMED_QUERY')
  await refused('SELECT Id FROM Lead WHERE Id IN ()', 'MALFORMED_QUERY')
  await refused('SELECT City, COUNT(Id) FROM Lead GROUP BY Status', 'MALFORMED_QUERY')
  await refused("SELECT Id FROM LeadHistory WHERE NewValue = 'a'", 'INVALID_FIELD')
  await refused("SELECT Id FROM LeadHistory WHERE OldValue = 'a'", 'INVALID_FIELD')
  await refused("SELECT Id FROM Lead WHERE CreatedDate > '2026-01-01T00:00:00Z'", 'INVALID_FIELD')
  await refused('SELECT Id FROM Lead WHERE CreatedDate > 2026-01-01', 'INVALID_FIELD')
  await refused('SELECT Id FROM Lead WHERE Meta_Lead_ID__c = 1234567890123456', 'INVALID_FIELD')
  await refused("SELECT Id FROM Lead WHERE Description LIKE 'a%'", 'INVALID_FIELD')
  await refused("SELECT Id FROM Lead WHERE Id = 'abc'", 'INVALID_QUERY_FILTER_OPERATOR')
  await refused('SELECT Id FROM PlatformEventChannelMember', 'INVALID_TYPE')
  await refused('SELECT Id FROM Lead', 'INVALID_TYPE', 'tooling/query')
  await refused('SELECT QualifiedApiName FROM FieldDefinition', 'MALFORMED_QUERY', 'tooling/query')
  await t.rejects(async () => await conn.query('SELECT Nothing__c FROM Lead'), {
    name: 'INVALID_FIELD',
    message: /No such column 'Nothing__c'/,
  })
  t.equal((await ask(`SELECT Id FROM Lead WHERE Name = '${'x'.repeat(16_384)}'`)).status, 414)
  t.match(await call(`${root}/query/01g000000000000-2000`), { status: 400, json: [{ errorCode: 'INVALID_QUERY_LOCATOR' }] })
  t.match(await call('/services/data/v12.0/query?q=x'), { status: 404, json: [{ errorCode: 'NOT_FOUND' }] })
})

t.test('Editions differ in change events and in their limits', async (t) => {
  const orgs = [
    { refreshToken: 'refresh', edition: 'Professional Edition' },
    { refreshToken: 'other', edition: 'Developer Edition' },
  ] as const
  const salesforce = await start(t, { orgs: [...orgs] })
  const { ask, call } = connect(salesforce)
  t.match((await ask('SELECT OrganizationType, IsSandbox FROM Organization')).json.records, [
    { OrganizationType: 'Professional Edition', IsSandbox: false },
  ])
  t.notOk('DailyDeliveredPlatformEvents' in (await call(`${root}/limits`)).json)
  t.match((await ask('SELECT Id FROM PlatformEventChannel', 'tooling/query')).json, { totalSize: 0 })
  const developer = connect(salesforce, 'other')
  t.match((await developer.call(`${root}/limits`)).json, {
    DailyApiRequests: { Max: 15_000 },
    DailyDeliveredPlatformEvents: { Max: 10_000 },
  })
})

t.test('Rights decide what is seen: fields, objects, records of others, setup', async (t) => {
  const salesforce = await start(t, { orgs: [{ refreshToken: 'refresh', sharing: 'private' }] })
  const { ask, call, conn } = connect(salesforce)
  const { ids } = salesforce.insert({ object: 'Lead', records: [{ LastName: 'A', Company: 'A' }] })
  const me = [...salesforce.org().users.values()][1]
  const codes = async (soql: string) => (await ask(soql)).json?.[0]?.errorCode
  const size = async (soql: string) => (await ask(soql)).json.totalSize

  t.equal(await size('SELECT Id FROM Lead'), 1)
  const views = `SELECT SobjectType FROM ObjectPermissions WHERE PermissionsViewAllRecords = true AND ParentId IN (SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = '${me?.id}')`
  t.equal(await size(views), 2)
  salesforce.setUser({ viewAll: [] })
  t.equal(await size(views), 0)
  t.equal(await size('SELECT Id FROM Lead'), 0, 'without View All only what is owned')
  salesforce.update({ object: 'Lead', records: [{ Id: ids[0] as string, OwnerId: me?.id as string }] })
  t.equal(await size('SELECT Id FROM Lead'), 1)

  salesforce.setUser({ hiddenFields: ['Lead.Email'] })
  t.equal(await codes('SELECT Email FROM Lead'), 'INVALID_FIELD')
  t.notOk((await conn.sobject('Lead').describe()).fields.some(({ name }) => name === 'Email'))
  salesforce.setUser({ hiddenObjects: ['LeadHistory', 'Opportunity'] })
  t.equal(await codes('SELECT Id FROM LeadHistory'), 'INVALID_TYPE')
  t.equal(await codes('SELECT Id FROM OpportunityHistory'), 'INVALID_TYPE')
  t.equal(await codes('SELECT ConvertedOpportunity.Name FROM Lead'), 'INVALID_FIELD')
  t.match(await call(`${root}/sobjects/Opportunity/describe`), { status: 404 })
  salesforce.setUser({ viewSetup: false })
  t.match(await call(`${root}/limits`), { status: 403, json: [{ errorCode: 'INSUFFICIENT_ACCESS' }] })
})

t.test('Writing is refused: without the right, to what the CRM sets itself, to converted leads, of text that is too long', async (t) => {
  const salesforce = await start(t)
  const { call } = connect(salesforce)
  const { ids } = salesforce.insert({
    object: 'Lead',
    records: [
      { LastName: 'A', Company: 'A' },
      { LastName: 'B', Company: 'B' },
    ],
  })
  const [a = '', b = ''] = ids
  const write = (id: string, body: Json) => call(`${root}/sobjects/Lead/${id}`, { method: 'PATCH', body })
  t.equal((await write(a, { Meta_Lead_ID__c: '1234567890123456' })).status, 204)
  t.match(await write(a, { Meta_Lead_ID__c: '1'.repeat(19) }), {
    status: 400,
    json: [{ errorCode: 'STRING_TOO_LONG', fields: ['Meta_Lead_ID__c'] }],
  })
  t.match(await write(a, { IsConverted: true }), { status: 400, json: [{ errorCode: 'INVALID_FIELD_FOR_INSERT_UPDATE' }] })
  t.match(await write(a, { Nothing__c: '1' }), { status: 400, json: [{ errorCode: 'INVALID_FIELD' }] })
  t.match(await write('00Q000000000000AAA', { City: 'x' }), { status: 404, json: [{ errorCode: 'NOT_FOUND' }] })
  t.match(await write('x', { City: 'x' }), { status: 400, json: [{ errorCode: 'MALFORMED_ID' }] })
  const records = [a, 'x'].map((id) => ({ attributes: { type: 'Lead' }, id, City: 'Bonn' }))
  const together = await call(`${root}/composite/sobjects`, { method: 'PATCH', body: { records, allOrNone: true } })
  t.match(together.json, [{ success: false }, { success: false, errors: [{ statusCode: 'MALFORMED_ID' }] }])
  t.notOk(salesforce.record({ object: 'Lead', id: a })?.City)
  t.match((await call(`${root}/composite/sobjects`, { method: 'PATCH', body: { records } })).json, [
    { id: a, success: true },
    { success: false, errors: [{ statusCode: 'MALFORMED_ID' }] },
  ])
  salesforce.convert({ leads: [b] })
  t.match(await write(b, { City: 'x' }), { status: 400, json: [{ errorCode: 'CANNOT_UPDATE_CONVERTED_LEAD' }] })
  t.match(await call(`${root}/sobjects/Lead`, { method: 'POST', body: { LastName: 'C' } }), {
    status: 400,
    json: [{ errorCode: 'REQUIRED_FIELD_MISSING', fields: ['Company'] }],
  })
  salesforce.setUser({ edits: false })
  t.match(await write(a, { City: 'x' }), { status: 403, json: [{ errorCode: 'INSUFFICIENT_ACCESS_OR_READONLY' }] })
})

t.test('Every answer counts against the daily limit and says so; at the limit nothing more is answered', async (t) => {
  const salesforce = await start(t, { orgs: [{ refreshToken: 'refresh', dailyRequests: 15_000 }, { refreshToken: 'other' }] })
  const { ask } = connect(salesforce)
  t.equal((await ask('SELECT Id FROM Lead')).headers.get('sforce-limit-info'), 'api-usage=1/15000')
  t.equal((await ask('SELECT Nothing FROM Lead')).headers.get('sforce-limit-info'), 'api-usage=2/15000')
  salesforce.setRequestsUsed({ used: 15_000 })
  t.match(await ask('SELECT Id FROM Lead'), { status: 403, json: [{ errorCode: 'REQUEST_LIMIT_EXCEEDED' }] })
  t.equal((await connect(salesforce, 'other').ask('SELECT Id FROM Lead')).status, 200, 'other orgs have limits of their own')
  t.match(salesforce.counts({ orgId: salesforce.org().id }), { query: 3 })
})

t.test('Tokens that are unknown, ended or of another kind are refused; so is all of an org without API', async (t) => {
  let now = Date.now()
  const salesforce = await start(t, { clock: () => now, sessionMs: 1000 })
  const { call } = connect(salesforce)
  t.equal((await call(`${root}/limits`)).status, 200)
  t.equal((await fetch(`${salesforce.url}/services/data`)).status, 200, 'the list of versions is for everybody')
  const denied = { status: 401, json: [{ errorCode: 'INVALID_SESSION_ID' }] }
  t.match(await call(`${root}/limits`, { token: 'unknown' }), denied)
  now += 1000
  t.match(await call(`${root}/limits`), denied)
  const { call: later } = connect(salesforce)
  salesforce.setFacts({ apiEnabled: false })
  t.match(await later(`${root}/limits`), { status: 403, json: [{ errorCode: 'API_DISABLED_FOR_ORG' }] })
})

t.test('Streams end with the last approval of a user, with the user, and with the org', async (t) => {
  const salesforce = await start(t)
  const org = salesforce.org()
  const follow = async () => {
    const { accessToken } = salesforce.accessToken(salesforce.grant({}))
    const peer = connectPeer(t, salesforce.pubsub.port, { accesstoken: accessToken, instanceurl: salesforce.url, tenantid: org.id })
    const stream = peer.subscribe({ topicName: '/data/Meta_Connector__chn', replayPreset: 'LATEST', numRequested: 1 })
    while (salesforce.pubsub.streams().length === 0) await new Promise((resolve) => setImmediate(resolve))
    return stream
  }
  const gone = { errorCode: 'service.auth.error' }
  let stream = await follow()
  salesforce.expireTokens({})
  t.equal(salesforce.pubsub.streams().length, 1, 'a stream outlives the session that opened it')
  salesforce.revokeGrants({})
  t.match(await stream.ended, gone)
  stream = await follow()
  salesforce.setUser({ active: false })
  t.match(await stream.ended, gone)
  salesforce.setUser({ active: true })
  stream = await follow()
  salesforce.removeOrg({})
  t.match(await stream.ended, gone)
})

t.test('A stand-in in another process is driven over HTTP, misbehaves and goes on', async (t) => {
  const child = await startChild('salesforce', { orgs: [{ refreshToken: 'refresh' }] })
  t.teardown(child.close)
  const orgs = await child.control<{ orgId: string; refreshToken: string }[]>('addOrg', [{ name: 'B' }, { name: 'C' }])
  t.equal(new Set(orgs.map(({ orgId }) => orgId)).size, 2)
  const { orgId, refreshToken } = orgs[1] as (typeof orgs)[number]
  const { ids } = await child.control<{ ids: string[] }>('insert', { orgId, object: 'Lead', records: [{ LastName: 'A', Company: 'A' }] })
  const { opportunityId } = await child.control<{ opportunityId: string }>('convert', { orgId, leads: ids })
  const { accessToken } = await child.control<{ accessToken: string }>('accessToken', { refreshToken })
  const conn = new jsforce.Connection({ instanceUrl: child.url, accessToken, version })
  await child.control('fail', { status: 503, path: '/query', times: 1 })
  const { records } = await conn.query<Json>(`SELECT Id, IsConverted FROM Lead WHERE ConvertedOpportunityId = '${opportunityId}'`)
  t.match(records, [{ Id: ids[0], IsConverted: true }], 'jsforce has tried again')
  t.match(await child.control('counts', { orgId }), { query: 1 })
  t.match(await child.control('addresses'), { url: child.url, streamUrl: /^http:\/\/127\.0\.0\.1:\d+$/ })
  t.match(await child.control('pubsub.counts'), { open: 0 })
})
