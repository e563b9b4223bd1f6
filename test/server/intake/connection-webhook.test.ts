/** The receiver of connections with an address each, over the wire, and the whole way of what it takes. */
import t from 'tap'
import { sign } from '../../../connectors/webhook/verify.ts'
import { testApp, until } from '../../support/app.ts'
import { count, story } from '../../support/look.ts'
import { addWebhook } from '../../support/webhook.ts'

const DATASET = '700000000000077'
const TOKEN = 'EAAwebhooktoken00000000000000077'
const target = { dataset: DATASET, token: TOKEN }
const meta = { datasets: [{ id: DATASET, tokens: [TOKEN] }] }
const LEAD = '12345678901234567'

t.test('a record becomes a conversion event under the name of the CRM behind the connection', async (t) => {
  const it = await testApp(t, { meta })
  const crm = await addWebhook(it, { ...target, settings: { leadEventSource: 'Acme CRM' } })
  const at = Math.floor(Date.now() / 1000) - 60
  const record = `{"record_id":42,"stage":"qualified","occurred_at":${at},"meta_lead_id":${LEAD},"email":"ana@example.com","lead_created_at":${at - 60}}`
  t.match(await crm.send(record), { status: 202, body: { accepted: 1, rejected: [] } })
  await it.settled()
  const events = it.meta.events({ dataset: DATASET })
  t.same(
    events.map(({ eventName, eventTime, leadId, notCounted }) => [eventName, eventTime, leadId, notCounted]),
    [
      ['Raw Lead', at - 60, LEAD, []],
      ['Qualified Lead', at, LEAD, []],
    ],
  )
  t.match(JSON.stringify(events), /"lead_event_source":"Acme CRM"/)
})

t.test('every way to prove a request, and its refusals without a word', async (t) => {
  const it = await testApp(t, { meta: { datasets: [1, 2, 3, 4].map((n) => ({ id: `70000000000010${n}`, tokens: [TOKEN] })) } })
  const body = '{"record_id":"1","stage":"new"}'
  const connect = (n: number, settings: Record<string, unknown>) =>
    addWebhook(it, { dataset: `70000000000010${n}`, token: TOKEN, settings })
  const unsigned = { 'x-signature': null }
  const now = Math.floor(Date.now() / 1000)

  const hmac = await connect(1, {})
  const { secret } = hmac.added
  const signed = (seconds: number, over = body, by = secret) => ({ 'x-signature': `t=${seconds},v1=${sign(by, seconds, over)}` })
  const refusal = { status: 401, body: { error: 'unauthorized', message: 'This request is not authorised.' } }
  t.match(await hmac.send(body), { status: 202 })
  for (const [what, headers] of Object.entries({
    none: unsigned,
    stale: signed(now - 310),
    early: signed(now + 600),
    'another body': signed(now, `${body} `),
    'another secret': signed(now, body, 'other'),
    'the empty secret': signed(now, body, ''),
    garbage: { 'x-signature': 't=1,v1=zz' },
    'no time': { 'x-signature': `v1=${sign(secret, now, body)}` },
  }))
    t.match(await hmac.send(body, { headers }), refusal, what)

  const bearer = await connect(2, { auth: 'secret' })
  t.match(await bearer.send(body, { headers: { ...unsigned, authorization: `Bearer ${bearer.added.secret}` } }), { status: 202 })
  t.match(await bearer.send(body, { headers: { ...unsigned, authorization: `Bearer ${secret}` } }), refusal, 'of another connection')
  t.match(await bearer.send(body), refusal)

  const basic = await connect(3, { auth: 'basic' })
  const pair = (name: string, word: string) => ({ authorization: `Basic ${Buffer.from(`${name}:${word}`).toString('base64')}` })
  t.match(await basic.send(body, { headers: { ...unsigned, ...pair('leadstage', basic.added.secret) } }), { status: 202 })
  t.match(await basic.send(body, { headers: { ...unsigned, ...pair('leadstage', '') } }), refusal)

  const path = await connect(4, { auth: 'path' })
  t.match(path.added.findings, [{ code: 'weak_authenticity', fatal: false }])
  t.match(await path.send(body, { headers: unsigned }), { status: 202 })
})

t.test('every rung has its answer', async (t) => {
  const it = await testApp(t, { meta })
  const crm = await addWebhook(it, target)
  t.match(await crm.send('{}', { path: '/webhooks/webhook/unknown' }), { status: 404, body: { error: 'not_found' } })
  t.match(await crm.send('{}', { path: `${crm.path.slice(0, -1)}${crm.path.endsWith('A') ? 'B' : 'A'}` }), { status: 404 })
  t.match(await crm.send('{}', { method: 'GET' }), { status: 405, headers: { allow: 'POST' } })
  t.match(await crm.send('{}', { headers: { 'content-type': 'text/plain' } }), { status: 415 })
  t.match(await crm.send('{}', { headers: { 'content-encoding': 'gzip' } }), { status: 415 })
  t.match(await crm.send(`"${'x'.repeat(262_144)}"`), { status: 413 })
  t.match(await crm.send('{'), { status: 400, body: { accepted: 0, rejected: [], error: 'unreadable' } })
  t.match(await crm.send('[]'), { status: 400, body: { error: 'no_records' } })
  t.match(await crm.send(Array.from({ length: 101 }, () => ({}))), { status: 413, body: { error: 'too_many_records' } })
  t.match(await crm.send([{ record_id: '1' }]), {
    status: 422,
    body: { accepted: 0, rejected: [{ index: 0, field: 'stage', reason: 'missing' }] },
  })
  t.equal((await count(it.db, 'packet')) + (await count(it.db, 'ledger')), 0, 'nothing of all this is kept')
  t.match(await crm.send([{ record_id: '1' }, { record_id: '2', stage: 'new' }]), {
    status: 202,
    body: { accepted: 1, rejected: [{ index: 0 }] },
  })
})

t.test('a connection that floods is told when to come again, and the others are not', async (t) => {
  // No time goes by while it floods, however long the machine takes for that.
  let now = Date.now()
  const it = await testApp(t, { now: () => now, meta: { datasets: [1, 2].map((n) => ({ id: `70000000000020${n}`, tokens: [TOKEN] })) } })
  const wild = await addWebhook(it, { dataset: '700000000000201', token: TOKEN })
  const calm = await addWebhook(it, { dataset: '700000000000202', token: TOKEN })
  const flood = () => wild.send('{}', { headers: { 'x-signature': null } })
  const replies = []
  for (let n = 0; n < 11; n++) replies.push(...(await Promise.all(Array.from({ length: 100 }, flood))))
  const told = replies.filter(({ status }) => status === 429)
  t.equal(told.length, 100, 'of 1,100 in ten seconds')
  t.ok(told.every(({ headers }) => headers['retry-after'] === '10'))
  t.match(await calm.send({ record_id: '1', stage: 'new' }), { status: 202 })
  now += 10_000
  t.match(await flood(), { status: 401 }, 'then it is heard again')
})

t.test('repeats are one change: by their id, by their time, or by coming soon', async (t) => {
  const it = await testApp(t, { meta })
  const crm = await addWebhook(it, { ...target, rules: { repeats: true } })
  const lead = { meta_lead_id: LEAD, lead_created_at: new Date(Date.now() - 3_600_000).toISOString() }
  const sendTwice = async (record: Record<string, unknown>) => {
    await crm.send(record)
    await it.settled()
    await crm.send(record)
    await it.settled()
  }
  await sendTwice({ ...lead, record_id: 'by-time', stage: 'qualified', occurred_at: Date.now() - 60_000 })
  await sendTwice({ ...lead, record_id: 'by-id', stage: 'qualified', event_id: 'e1' })
  await sendTwice({ ...lead, record_id: 'soon', stage: 'qualified' })
  const sent = async (id: string) => (await story(it.db, id)).filter((line) => line.startsWith('qualified'))
  for (const id of ['by-time', 'by-id', 'soon']) t.same(await sent(id), ['qualified sent'], id)

  await crm.send({ ...lead, record_id: 'by-id', stage: 'won', event_id: 'e1' })
  await it.settled()
  t.ok((await story(it.db, 'by-id')).includes('won sent'), 'an id used for two stages costs none')
})

t.test('what a record showed once is known when it shows less', async (t) => {
  const it = await testApp(t, { meta })
  const crm = await addWebhook(it, target)
  await crm.send({ record_id: '7', stage: 'new', meta_lead_id: LEAD, email: 'ana@example.com', fields: { consent: 'yes' } })
  await it.settled()
  await crm.send({ record_id: '7', stage: 'qualified', phone: '+4915112345678' })
  await until(async () => (await story(it.db, '7')).includes('qualified sent'))
  const last = it.meta.events({ dataset: DATASET }).at(-1)
  t.match(last, { eventName: 'Qualified Lead', leadId: LEAD })
  const record = await it.db.selectFrom('record').select('profile').where('record_id', '=', '7').executeTakeFirstOrThrow()
  t.match(record.profile, {
    fields: { consent: 'yes' },
    identity: { userData: { lead_id: LEAD, em: [/^[0-9a-f]{64}$/], ph: [/^[0-9a-f]{64}$/] } },
  })
})

t.test('a person who asked to be forgotten stays forgotten', async (t) => {
  const it = await testApp(t, { meta })
  const crm = await addWebhook(it, target)
  const lead = { record_id: '9', meta_lead_id: LEAD, email: 'canary@example.com' }
  await crm.send({ ...lead, stage: 'new' })
  await it.settled()
  const before = it.meta.events({ dataset: DATASET }).length
  await crm.send({ record_id: '9', action: 'erase' })
  await it.settled()
  await crm.send({ ...lead, stage: 'qualified' })
  await crm.send({ ...lead, record_id: '10', stage: 'won' })
  await it.settled()
  t.equal(it.meta.events({ dataset: DATASET }).length, before, 'nothing more is sent, under this record or another')
  t.equal(await count(it.db, 'lead_key'), 0)
})
