/** Datasets and what goes with an account, by way of the settings API. */
import t from 'tap'
import { DATASET, TOKEN, testApp } from '../../../support/app.ts'
import { addOrg } from '../../../support/salesforce.ts'
import { signedIn } from '../../../support/settings-page.ts'

t.test('whether a dataset is one for CRM events can be said later, and ends the notice', async (t) => {
  const it = await testApp(t)
  const ask = await signedIn(it)
  const say = (answer: string) => ask('POST', `/datasets/${it.datasetId}/crm`, { answer })
  t.match(await say('no'), { status: 200, body: { data: { answer: 'no' } } })
  t.match(await ask('GET', '/notices'), { body: { data: [{ code: 'not_crm_dataset' }] } })
  t.match(await ask('GET', '/datasets'), { body: { data: [{ crmDataset: 'no' }] } })
  t.match(await say('yes'), { status: 200 })
  t.strictSame((await ask('GET', '/notices')).body.data, [])
  t.match(await say('perhaps'), { status: 400, body: { code: 'invalid_input', field: 'answer' } })
})

t.test('the access to a dataset is given back by who names it once more', async (t) => {
  const it = await testApp(t)
  const ask = await signedIn(it)
  const leave = (metaId: string) => ask('POST', `/datasets/${it.datasetId}/leave`, { metaId })
  t.match(await leave('700000000000009'), { status: 400, body: { code: 'invalid_input' } })
  t.match(await ask('GET', '/datasets'), { body: { data: [{ state: 'active' }] } })
  t.match(await leave(DATASET), { body: { data: { left: 'no_need', text: /business settings/ } } })
  t.match(await ask('GET', '/datasets'), { body: { data: [{ state: 'held', holdReason: 'left' }] } })
  const secrets = await it.db.selectFrom('secret').select('purpose').where('owner', '=', `dataset:${it.datasetId}`).execute()
  t.strictSame(secrets, [], 'its token is forgotten')
})

t.test('what one advertiser shares with our business is not opened by it for another', async (t) => {
  const ours = 'EAAsystemuser0000000000000000000001'
  const [shared, unshared] = ['700000000000002', '700000000000003']
  const datasets = [
    { id: DATASET, tokens: [TOKEN, ours] },
    { id: shared, tokens: ['EAAanothertoken00000000000000000002', ours] },
    { id: unshared, tokens: [] },
  ]
  const it = await testApp(t, {
    meta: { app: { id: '1234567890', secret: 'secret', configurations: {}, redirectUris: [], tokens: [ours] }, datasets },
    env: { META_APP_ID: '1234567890', META_APP_SECRET: 'secret', META_BUSINESS_ID: '99000111', META_SYSTEM_USER_TOKEN: ours },
  })
  await it.addTenant({ portal: 4004004, dataset: '700000000000004', token: 'EAAanothertoken00000000000000000004' })
  const [owner, other] = [await signedIn(it, { account: '4004004' }), await signedIn(it)]
  const add = { metaId: shared, crmDataset: 'yes' }
  t.match(await owner('POST', '/datasets', add), { status: 200, body: { data: { created: true } } })
  t.match(await owner('POST', '/datasets', add), { status: 200 }, 'who has it can say so again')
  t.match(await other('POST', '/datasets', add), { status: 422, body: { code: 'dataset_taken' } })
  t.match(await other('POST', '/datasets', { ...add, withoutProof: true }), { status: 422, body: { code: 'dataset_taken' } })
  for (const how of [{ withoutProof: true }, { testEventCode: 'TEST123' }])
    t.match(
      await other('POST', '/datasets', { metaId: unshared, crmDataset: 'yes', ...how }),
      { status: 422, body: { code: 'dataset_not_shown' } },
      'nor is one waited for that its owner may share one day',
    )
  t.match((await other('GET', '/datasets')).body.data, [{ metaId: DATASET, access: 'pasted' }])
  t.match(await other('POST', '/datasets', { metaId: DATASET, crmDataset: 'yes' }), { status: 200 })
})

t.test('the page knows which ways to a dataset there are', async (t) => {
  const plain = await testApp(t)
  t.match(await (await signedIn(plain))('GET', '/datasets/ways'), { body: { data: { login: false, extension: false, business: null } } })
  const it = await testApp(t, { env: { META_APP_ID: '1234567890', META_APP_SECRET: 'secret', META_BUSINESS_EXTENSION: 'on' } })
  t.match(await (await signedIn(it))('GET', '/datasets/ways'), { body: { data: { login: false, extension: true, business: null } } })
})

t.test('what goes with the app is said before, and can be saved', async (t) => {
  const it = await testApp(t, { salesforce: {} })
  const { orgId } = await addOrg(it, { dataset: '800000000000001', token: 'EAAtesttoken000000000000000000000S' })
  const hubspot = await signedIn(it)
  t.match(await hubspot('GET', '/connection'), { body: { data: { takesAlong: null } } })
  const salesforce = await signedIn(it, { crm: 'salesforce', account: orgId })
  t.match(await salesforce('GET', '/connection'), { body: { data: { takesAlong: /deletes the fields/ } } })
  const { url } = (await salesforce('POST', '/downloads', { what: 'lead-ids' })).body.data as unknown as { url: string }
  const file = await fetch(`${it.url}${new URL(url).pathname}`)
  t.equal(file.status, 200)
  t.match(await file.text(), /^\uFEFF?record_type,record_id,meta_lead_id/)
})
