/** A CRM in trouble costs time and nothing else; a record that it refuses holds up nobody. */
import t, { type Test } from 'tap'
import { storeGrant } from '../../../server/connections/grants.ts'
import { allScopes } from '../../simulators/hubspot/start-hubspot.ts'
import { PORTAL, testApp, until } from '../../support/app.ts'
import { startGateway } from '../../support/gateway.ts'
import { count, hurry, story } from '../../support/look.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { sent, sentOf, silence } from './sharing.ts'

const READ = '/contacts/batch/read'
const html = { text: '<html>Bad Gateway</html>', headers: { 'content-type': 'text/html' } }

const troubles: [title: string, make: (hubspot: Awaited<ReturnType<typeof testApp>>['hubspot']) => void][] = [
  ['a limit that is reached', (hubspot) => hubspot.misbehave({ how: 'answer', status: 429, json: { policyName: 'SECONDLY' }, path: READ })],
  ['a lock', (hubspot) => hubspot.fail({ status: 423, path: READ })],
  ['an account that is moving', (hubspot) => hubspot.fail({ status: 477, path: READ, retryAfter: 1 })],
  ['a fault', (hubspot) => hubspot.fail({ status: 500, path: READ })],
  ['a page of HTML', (hubspot) => hubspot.misbehave({ how: 'answer', status: 502, ...html, path: READ })],
  ['a page of HTML that claims success', (hubspot) => hubspot.misbehave({ how: 'answer', status: 200, ...html, path: READ })],
  ['an answer that is cut short', (hubspot) => hubspot.misbehave({ how: 'cut', path: READ })],
  ['a connection that ends', (hubspot) => hubspot.misbehave({ how: 'drop', path: READ })],
  ['a token that has expired', (hubspot) => hubspot.fail({ status: 401, path: READ })],
  ['a fault of the token endpoint', (hubspot) => hubspot.misbehave({ how: 'answer', status: 503, path: '/oauth/', ...html })],
]

t.test('passing trouble is waited out', async (t) => {
  await Promise.all(
    troubles.map(async ([title, make]) => {
      const it = await testApp(t)
      make(it.hubspot)
      it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } })
      await it.hubspot.idle()
      await until(async () => {
        await hurry(it.db)
        return sent(it).length === 2
      })
      t.strictSame(sentOf(it, '123456789012345'), ['Raw Lead', 'Converted'], title)
      await it.settled()
      t.equal(await count(it.db, 'packet'), 0, title)
      t.match(await it.db.selectFrom('connection').select('state').execute(), [{ state: 'active' }], title)
    }),
  )
})

t.test('lasting trouble gives the packets back with the delay that the CRM asked for', async (t) => {
  const it = await testApp(t)
  it.hubspot.fail({ status: 477, path: READ, retryAfter: 3600, times: 0 })
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } })
  await it.hubspot.idle()
  const packet = () => it.db.selectFrom('packet').selectAll().executeTakeFirstOrThrow()
  await until(async () => (await packet()).attempts === 1)
  const { not_before, last_error, quarantined } = await packet()
  t.match({ last_error, quarantined }, { last_error: 'account_moving', quarantined: false })
  t.ok((not_before as Date).getTime() > Date.now() + 3_500_000)
})

t.test('while nothing can be looked up, what needs no lookup goes on, also out of the same body', async (t) => {
  const it = await testApp(t)
  const contact = (meta_lead_id: string) => it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id } }).id
  const known = contact('123456789012345')
  await until(() => sent(it).length === 1)
  await it.settled()
  silence(it)
  it.hubspot.fail({ status: 477, path: READ, retryAfter: 3600, times: 0 })
  const others = [contact('222222222222222'), contact('333333333333333')]
  const [one = '', other = ''] = others
  await post(it.url, [stageEvent(one, 'opportunity'), stageEvent(known, 'customer'), stageEvent(other, 'opportunity')])
  await until(() => sent(it).length === 2)
  t.strictSame(sentOf(it, '123456789012345'), ['Raw Lead', 'Converted'])
  const left = await it.db.selectFrom('packet').select(['changes', 'attempts', 'last_error', 'not_before']).execute()
  t.match(left, [{ changes: 2, attempts: 1, last_error: 'account_moving' }])
  t.ok(Number(left[0]?.not_before) > Date.now() + 3_500_000)

  it.hubspot.behave()
  await it.restart()
  await until(async () => {
    await hurry(it.db)
    return sent(it).length === 6
  })
  t.strictSame(sentOf(it, '222222222222222'), ['Raw Lead', 'Sales Opportunity'])
  t.equal(await count(it.db, 'packet'), 0)
})

t.test('a permission that is missing asks the customer, keeps the packets, and passes when it is granted', async (t) => {
  const it = await testApp(t)
  it.hubspot.setScopes({ scopes: allScopes.filter((scope) => scope !== 'crm.objects.contacts.read') })
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } })
  await it.hubspot.idle()
  await until(async () => (await it.db.selectFrom('packet').select('attempts').executeTakeFirst())?.attempts === 1)
  t.match(await it.db.selectFrom('connection').select(['state', 'state_reason']).execute(), [
    { state: 'attention', state_reason: 'missing_scope' },
  ])
  t.match(await it.db.selectFrom('notice').select(['code', 'text', 'closed_at']).execute(), [
    { code: 'missing_scope', text: /crm\.objects\.contacts\.read/, closed_at: null },
  ])
  it.hubspot.setScopes({ scopes: allScopes })
  await until(async () => {
    await hurry(it.db)
    return sent(it).length === 2
  })
  t.match(await it.db.selectFrom('connection').select('state').execute(), [{ state: 'active' }])
  t.equal(await it.db.selectFrom('notice').select('id').where('closed_at', 'is', null).executeTakeFirst(), undefined)
})

t.test('a grant that was withdrawn asks the customer; everything goes out after a new one', async (t) => {
  const it = await testApp(t)
  it.hubspot.revokeGrant({})
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } })
  await it.hubspot.idle()
  const connection = () => it.db.selectFrom('connection').select(['state', 'state_reason']).executeTakeFirstOrThrow()
  await until(async () => (await connection()).state === 'attention')
  t.equal((await connection()).state_reason, 'reconnect')
  t.match(await it.db.selectFrom('notice').select(['code', 'subject']).execute(), [
    { code: 'reconnect', subject: `connection:${it.connectionId}` },
  ])
  await until(async () => (await it.db.selectFrom('packet').select('attempts').executeTakeFirst())?.attempts === 1)
  const { refused } = it.hubspot.tokenCounts()
  await hurry(it.db)
  await new Promise((resolve) => setTimeout(resolve, 2_300))
  t.equal(it.hubspot.tokenCounts().refused, refused, 'the CRM is not asked again and again')
  t.equal(await count(it.db, 'packet'), 1)

  const { refreshToken } = it.hubspot.install({ refreshToken: 'granted-anew' })
  await storeGrant(it.db, it.vault, it.connectionId, {
    accessToken: '',
    refreshToken,
    expiresAt: 0,
    grantedAt: 0,
    account: String(PORTAL),
    scopes: allScopes,
  })
  await until(async () => {
    await hurry(it.db)
    return sent(it).length === 2
  })
  t.equal((await connection()).state, 'active')
})

/** An app whose CRM answers whatever asks for the record that is failing with `answer`, as long as one is. */
const withFailing = (t: Test, failing: { id: string }, answer: { status: number; json: object }) =>
  testApp(t, {
    before: {
      hubspot: (url) =>
        startGateway(t, url, ({ path, body }) =>
          path.includes('batch/read') && failing.id !== '' && body.includes(failing.id) ? answer : undefined,
        ),
    },
  })

t.test('one record that the CRM fails to show for good does not keep the others from being sent', async (t) => {
  const failing = { id: '' }
  const it = await withFailing(t, failing, { status: 500, json: { status: 'error' } })
  silence(it)
  const ids = Array.from(
    { length: 20 },
    (_, n) => it.hubspot.create({ type: 'contact', properties: { meta_lead_id: `1234567890123${10 + n}` } }).id,
  )
  failing.id = ids[7] as string
  await post(
    it.url,
    ids.map((id) => stageEvent(id, 'customer')),
  )
  await until(async () => {
    await hurry(it.db)
    return sent(it).filter(([name]) => name === 'Converted').length === 19
  })
  t.match(await it.db.selectFrom('packet').select(['changes', 'last_error']).execute(), [{ changes: 1, last_error: 'crm_unavailable' }])
  t.strictSame(await story(it.db, failing.id), [])
  failing.id = ''
  await until(async () => {
    await hurry(it.db)
    return sent(it).filter(([name]) => name === 'Converted').length === 20
  })
})

t.test('one record that the CRM fails to show for good does not keep others from being looked at again', async (t) => {
  const failing = { id: '' }
  const it = await withFailing(t, failing, { status: 500, json: { status: 'error' } })
  const ids = Array.from({ length: 5 }, () => it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead' } }).id)
  await it.settled()
  silence(it)
  failing.id = ids[2] as string
  for (const [n, id] of ids.entries()) it.hubspot.change({ type: 'contact', id, properties: { meta_lead_id: `12345678901234${n}` } })
  await until(async () => {
    await hurry(it.db)
    return sent(it).length === 4
  })
  t.strictSame(await story(it.db, failing.id), ['lead waiting waiting_for_lead'])
})

t.test('one record that the CRM refuses is set aside alone', async (t) => {
  const failing = { id: '' }
  const it = await withFailing(t, failing, {
    status: 400,
    json: { status: 'error', message: 'cannot be read', category: 'VALIDATION_ERROR' },
  })
  silence(it)
  const ids = Array.from(
    { length: 20 },
    (_, n) => it.hubspot.create({ type: 'contact', properties: { meta_lead_id: `1234567890123${10 + n}` } }).id,
  )
  failing.id = ids[7] as string
  await Promise.all([
    post(
      it.url,
      ids.map((id) => stageEvent(id, 'customer')),
    ),
    post(it.url, [stageEvent(failing.id, 'lead')]),
  ])
  await it.settled()
  t.equal(sent(it).filter(([name]) => name === 'Converted').length, 19)
  t.strictSame(await story(it.db, failing.id), [])
  const aside = await it.db.selectFrom('packet').select(['changes', 'last_error', 'quarantined']).execute()
  t.strictSame(
    aside,
    [1, 2].map(() => ({ changes: 1, last_error: 'refused_by_crm', quarantined: true })),
  )

  // Later changes of others are not held up either, and a person's retry brings it in.
  await post(it.url, [stageEvent(ids[0] as string, 'evangelist')])
  await it.settled()
  failing.id = ''
  await it.db.updateTable('packet').set({ quarantined: false }).execute()
  await until(() => sent(it).filter(([name]) => name === 'Converted').length === 20)
  await it.settled()
  t.equal(await count(it.db, 'packet'), 0)
})

t.test('a packet that was damaged is set aside whole', async (t) => {
  const it = await testApp(t, { env: { HUBSPOT_API_URL: 'http://127.0.0.1:1' } })
  silence(it)
  await it.db.updateTable('connection').set({ state: 'paused' }).execute()
  await post(it.url, [stageEvent(1, 'customer')])
  await it.db
    .updateTable('packet')
    .set({ body: Buffer.from('damaged') })
    .execute()
  await it.db.updateTable('connection').set({ state: 'active' }).execute()
  await until(async () => (await it.db.selectFrom('packet').select('quarantined').executeTakeFirstOrThrow()).quarantined)
  t.match(await it.db.selectFrom('packet').select('last_error').execute(), [{ last_error: 'sealed_damaged' }])
})

t.test('a change that cannot be handled is set aside alone, whatever it came with', async (t) => {
  const it = await testApp(t)
  silence(it)
  const contact = (meta_lead_id: string) => it.hubspot.create({ type: 'contact', properties: { meta_lead_id } }).id
  const [first, second, third] = ['111111111111111', '222222222222222', '333333333333333'].map(contact) as [string, string, string]
  // Well signed, but with a stage that PostgreSQL cannot hold.
  const strange = () => stageEvent(third, 'cus\u0000tomer')
  await it.db.updateTable('connection').set({ state: 'paused' }).execute()
  await post(it.url, [stageEvent(first, 'customer'), strange()])
  await post(it.url, [strange()])
  await post(it.url, [stageEvent(second, 'customer'), stageEvent(third, 'customer')])
  await it.db.updateTable('connection').set({ state: 'active' }).execute()
  // Each try waits for a look at the database, and a busy machine takes its time for that.
  await until(() => sent(it).length === 6, 60_000)
  for (const leadId of ['111111111111111', '222222222222222', '333333333333333'])
    t.strictSame(sentOf(it, leadId), ['Raw Lead', 'Converted'])
  await until(async () => {
    await hurry(it.db)
    return (await it.db.selectFrom('packet').select('id').where('quarantined', '=', false).executeTakeFirst()) === undefined
  }, 60_000)
  const aside = await it.db.selectFrom('packet').select(['changes', 'last_error', 'quarantined']).execute()
  t.strictSame(
    aside,
    [1, 2].map(() => ({ changes: 1, last_error: 'unreadable_change', quarantined: true })),
  )
})
