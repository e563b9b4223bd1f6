/** Meta's data-deletion callback: signed, carried out once, answered with a page that says what is true. */
import { createHmac } from 'node:crypto'
import t from 'tap'
import { request } from 'undici'
import { PUBLIC_URL, type TestApp, testApp } from '../../support/app.ts'
import { count, findTraces } from '../../support/look.ts'

const LEAD_ID = '8877665544332211'
const env = { META_APP_ID: '1234567', META_APP_SECRET: 'meta-app-secret' }
const signed = (user_id: string, issued_at = 1_790_000_000, secret = env.META_APP_SECRET) => {
  const body = Buffer.from(JSON.stringify({ algorithm: 'HMAC-SHA256', issued_at, user_id })).toString('base64url')
  return `${createHmac('sha256', secret).update(body).digest('base64url')}.${body}`
}

async function ask(it: TestApp, form: Record<string, string>, type = 'application/x-www-form-urlencoded') {
  const { statusCode, body } = await request(`${it.url}/meta/data-deletion`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: new URLSearchParams(form).toString(),
  })
  return { status: statusCode, answer: (await body.json()) as { url: string; confirmation_code: string; error?: string } }
}

async function look(it: TestApp, url: string) {
  const { statusCode, body, headers } = await request(url.replace(PUBLIC_URL, it.url))
  return { status: statusCode, text: await body.text(), headers }
}

t.test('somebody who is not known here learns so, and why', async (t) => {
  const it = await testApp(t, { env })
  const { status, answer } = await ask(it, { signed_request: signed('1020304050607080') })
  t.equal(status, 200)
  t.equal(answer.url, `${PUBLIC_URL}/meta/data-deletion/${answer.confirmation_code}`)
  const page = await look(it, answer.url)
  t.match(page, { status: 200, text: /Nothing was held under this id/, headers: { 'cache-control': 'no-store' } })
  t.ok(page.text.includes(answer.confirmation_code))
  t.same(await findTraces(it.db, ['1020304050607080']), [], 'the id itself is not kept')
  t.match(await look(it, `${PUBLIC_URL}/meta/data-deletion/another`), { status: 404, text: /no such request/ })
})

t.test('an id that is a lead’s is forgotten in every workspace, once', async (t) => {
  const it = await testApp(t, { env })
  it.meta.addDataset({ id: '700000000000002', tokens: ['EAAtesttoken0000000000000000000002'] })
  await it.addTenant({ portal: 4004004, dataset: '700000000000002', token: 'EAAtesttoken0000000000000000000002' })
  const properties = { lifecyclestage: 'lead', meta_lead_id: LEAD_ID, email: 'canary@example.com' }
  for (const portalId of [undefined, 4004004]) it.hubspot.create({ type: 'contact', properties, ...(portalId && { portalId }) })
  await it.settled()
  const wish = { signed_request: signed(LEAD_ID) }
  const answers = await Promise.all([ask(it, wish), ask(it, wish), ask(it, wish)])
  t.equal(new Set(answers.map(({ answer }) => answer.confirmation_code)).size, 1, 'a repeat gets the answer of the first')
  t.match(await look(it, answers[0]?.answer.url ?? ''), { text: /a lead of 2 advertisers/ })
  t.same(await findTraces(it.db, [LEAD_ID, 'canary@example.com']), [])
  t.equal(await count(it.db, 'lead_key'), 0)
  const trail = await it.db.selectFrom('audit').select(['actor', 'action']).execute()
  t.same(trail, Array(2).fill({ actor: 'meta', action: 'lead.erase' }))
  t.not((await ask(it, { signed_request: signed(LEAD_ID, 1_790_000_001) })).answer.confirmation_code, answers[0]?.answer.confirmation_code)
})

t.test('what Meta did not sign changes nothing', async (t) => {
  const it = await testApp(t, { env })
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: LEAD_ID } })
  await it.settled()
  t.match(await ask(it, { signed_request: signed(LEAD_ID, 1, 'another-secret') }), { status: 401, answer: { error: 'wrong_signature' } })
  t.match(await ask(it, { signed_request: 'x' }), { status: 400, answer: { error: 'unreadable' } })
  t.match(await ask(it, {}), { status: 400 })
  t.match(await ask(it, { signed_request: signed(LEAD_ID) }, 'text/plain'), { status: 400 })
  t.match(await ask(it, { signed_request: signed('x') }), { status: 400, answer: { error: 'not_understood' } })
  t.match(await ask(it, { signed_request: 'x'.repeat(20_000) }), { status: 413 })
  t.equal((await findTraces(it.db, [LEAD_ID])).length > 0, true)
  t.same(await it.db.selectFrom('deletion_request').selectAll().execute(), [])
})

t.test('without our app’s secret there is no such address', async (t) => {
  const it = await testApp(t)
  t.match(await ask(it, { signed_request: signed(LEAD_ID) }), { status: 404 })
})
