/** Datasets by the command line: each way of opening one, what is said of it, and giving it back. */
import t, { type Test } from 'tap'
import { DATASET, TOKEN, testApp, until } from '../../support/app.ts'
import { envOf, run } from './run.ts'

const OTHER = '700000000000002'
const WRITE_ONLY = 'EAAwriteonly000000000000000000001'
const OURS = 'EAAsystemuser0000000000000000000001'
const APP = { id: '1234567890', secret: 'meta-app-secret', configurations: {}, redirectUris: [], tokens: [OURS] }

async function setUp(t: Test) {
  const it = await testApp(t, { launch: false, meta: { app: APP, datasets: [{ id: DATASET, tokens: [TOKEN] }] } })
  const business = { META_BUSINESS_ID: '99000111', META_SYSTEM_USER_TOKEN: OURS }
  const env = { ...envOf(it), META_APP_ID: APP.id, META_APP_SECRET: APP.secret, ...business }
  return { it, command: (line: string, input = '') => run(line.split(' '), { env, input }) }
}

t.test('a dataset that is shared with our business needs no token', async (t) => {
  const { it, command } = await setUp(t)
  const set = `dataset set ${OTHER} --workspace ${it.workspaceId} --shared --crm yes`
  t.match(await command(set), { code: 1, stderr: /does not show this dataset/ })
  it.meta.addDataset({ id: OTHER, name: 'Shared leads', tokens: [OURS] })
  t.match(await command(set), { code: 0, stdout: /is there\. Meta knows it as "Shared leads"\.\n$/ })
  t.match(await command(`dataset show ${OTHER}`), { code: 0, stdout: /opened by: +sharing it.*\n.*\nfor CRM events: +yes/s })
  t.match((await command('doctor')).stdout, /ok +datasets: 2 ready to send/)
  const without = await run(set.split(' '), { env: envOf(it) })
  t.match(without, { code: 1, stderr: /has no business of its own/ })
})

t.test('what is said of a dataset is kept, told by the doctor, and can be said anew', async (t) => {
  const { command } = await setUp(t)
  t.match(await command(`dataset set ${DATASET} --workspace 1`, TOKEN), { code: 0, stdout: /Next: is it one for CRM events\?/ })
  t.match(await command(`dataset show ${DATASET}`), { stdout: /for CRM events: +nobody was asked/ })
  t.match(await command(`dataset crm ${DATASET} perhaps`), { code: 1, stderr: /yes, no or unknown/ })
  for (const [answer, doctor] of [
    ['no', /it is not one for CRM events/],
    ['unknown', /nobody knows whether/],
  ] as const) {
    t.match(await command(`dataset crm ${DATASET} ${answer}`), { code: 0, stdout: /notice list says/ })
    const { stdout } = await command('doctor')
    t.match(stdout, doctor)
    t.match(stdout, new RegExp(`warning +dataset ${DATASET}: `))
    t.match((await command('notice list')).stdout, /Connect data sources/)
  }
  t.match(await command(`dataset crm ${DATASET} yes`), { code: 0 })
  t.match((await command('doctor')).stdout, /ok +datasets: 1 ready to send/)
  t.match(JSON.parse((await command(`dataset show ${DATASET} --json`)).stdout), { crmDataset: 'yes', access: 'pasted' })
})

t.test('a test event is sent only where it is asked for, and only with an event of a real lead', async (t) => {
  const { it, command } = await setUp(t)
  it.meta.addDataset({ id: DATASET, tokens: [TOKEN, WRITE_ONLY], writeOnly: [WRITE_ONLY] })
  const set = `dataset set ${DATASET} --workspace 1`
  t.match(await command(set, WRITE_ONLY), { code: 1, stderr: /--test-event <code> .* Meta keeps it and counts it.*--no-probe/ })
  t.match(await command(`${set} --test-event TEST1`, TOKEN), { code: 0, stdout: /Meta knows it as/ }, 'it is not needed')
  t.match(await command(`${set} --test-event TEST1`, WRITE_ONLY), { code: 0, stdout: /No event of a real lead waits/ })
  t.match((await command(`dataset show ${DATASET}`)).stdout, /test event: +the next event, if it goes before/)
  t.equal(it.meta.requests().length, 0)

  await it.db.updateTable('dataset').set({ state: 'held', test_event_code: null }).execute()
  const server = await it.another()
  it.hubspot.webhooks({ targetUrl: `${server.url}/webhooks/hubspot`, publicUrl: `${it.config.publicUrl}/webhooks/hubspot` })
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012345' } })
  await it.hubspot.idle()
  const waiting = async () => (await it.db.selectFrom('outbox').select('event_id').execute()).length
  await until(async () => (await waiting()) > 0)
  await server.stop()
  t.match(await command(`${set} --test-event TEST2`, WRITE_ONLY), { code: 0, stdout: /Meta took the test event/ })
  t.match(it.meta.requests(), [{ outcome: 'accepted', testEventCode: 'TEST2' }])
  t.equal(await waiting(), 0)
})

t.test('giving a dataset back forgets its token, and says what is left to do at Meta', async (t) => {
  const { it, command } = await setUp(t)
  t.match(await command(`dataset leave ${DATASET}`), { code: 1, stderr: /repeat the command with --yes/ })
  t.match(await command(`dataset leave ${DATASET} --yes`), { code: 0, stdout: /given back\.\nThe token stays good at Meta/ })
  t.same(await it.db.selectFrom('secret').select('purpose').where('owner', 'like', 'dataset:%').execute(), [])
  t.match((await command(`dataset show ${DATASET}`)).stdout, /to do: +The access to dataset .* was given back/)
  t.match(await command(`dataset set ${DATASET} --workspace 1`, TOKEN), { code: 0 })
  t.match((await command(`dataset show ${DATASET}`)).stdout, /state: +active/)
})
