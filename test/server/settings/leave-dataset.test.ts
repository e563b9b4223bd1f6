/** Giving a dataset back, and letting Meta's Business Extension go with the last account. */
import t, { type Test } from 'tap'
import { putSecret } from '../../../server/connections/secrets.ts'
import { createLog } from '../../../server/log.ts'
import { dialogExtras, readExtension } from '../../../server/meta/business-extension.ts'
import { createGraphClient } from '../../../server/meta/graph-client.ts'
import { answerCrmDataset } from '../../../server/settings/crm-dataset.ts'
import { setDataset } from '../../../server/settings/datasets.ts'
import { leaveDataset, leaveIfUnused } from '../../../server/settings/leave-dataset.ts'
import { removeConnection } from '../../../server/settings/remove-connection.ts'
import { DATASET, PUBLIC_URL, TOKEN, testApp } from '../../support/app.ts'

const APP = { id: '1234567890', secret: 'meta-app-secret', dialogUrl: '' }
const CALLBACK = `${PUBLIC_URL}/oauth/meta/callback`

async function setUp(t: Test) {
  const app = { ...APP, configurations: {}, redirectUris: [CALLBACK], extension: true }
  const it = await testApp(t, { launch: false, meta: { app, datasets: [{ id: DATASET, tokens: [TOKEN] }] } })
  const log = createLog({ level: 'silent' })
  const graph = createGraphClient({ baseUrl: it.meta.url, version: it.config.meta.graphVersion, timeoutMs: 10_000, log })
  t.teardown(() => graph.close())
  const caller = { db: it.db, actor: 'test', workspaceId: it.workspaceId }
  const business = await it.db.selectFrom('workspace').selectAll().where('id', '=', it.workspaceId).executeTakeFirstOrThrow()
  const externalBusinessId = business.external_business_id

  /** Goes through Meta's dialog, as a browser does; the token of whoever did. */
  async function goThrough(): Promise<string> {
    const dialog = `${it.meta.url}/${it.config.meta.graphVersion}/dialog/oauth?${new URLSearchParams({
      ...{ client_id: APP.id, redirect_uri: CALLBACK, response_type: 'code', scope: 'manage_business_extension', state: 'x' },
      extras: dialogExtras({ externalBusinessId, name: business.name }),
    })}`
    const body = new URLSearchParams({ decision: 'allow', dataset: DATASET })
    const { headers } = await fetch(dialog, { method: 'POST', body, redirect: 'manual' })
    const code = new URL(headers.get('location') ?? '').searchParams.get('code') ?? ''
    const exchange = { client_id: APP.id, client_secret: APP.secret, redirect_uri: CALLBACK, code }
    const url = `${it.meta.url}/${it.config.meta.graphVersion}/oauth/access_token`
    const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(exchange) })
    return ((await answer.json()) as { access_token: string }).access_token
  }
  const tools = { vault: it.vault, graph, metaApp: { ...APP, extension: true } }
  const dataset = () => it.db.selectFrom('dataset').selectAll().where('id', '=', it.datasetId).executeTakeFirstOrThrow()
  return { it, caller, tools, graph, externalBusinessId, goThrough, dataset }
}

t.test('the extension goes with the last account of the workspace, and not before', async (t) => {
  const { it, caller, tools, graph, externalBusinessId, goThrough, dataset } = await setUp(t)
  const person = await goThrough()
  const won = await readExtension(graph, tools.metaApp, { externalBusinessId }, person)
  t.equal(won.metaId, DATASET)
  await setDataset(caller, { workspace: it.workspaceId, ...won, won: { by: 'extension' }, probe: true }, tools)
  t.same(await leaveIfUnused(caller, it.workspaceId, tools), [])
  t.equal((await dataset()).state, 'active', 'an account still uses it')

  await removeConnection(caller, it.connectionId, it.vault)
  t.same(await leaveIfUnused(caller, it.workspaceId, tools), [])
  t.match(await dataset(), { state: 'held', hold_reason: 'left' })
  await t.rejects(readExtension(graph, tools.metaApp, { externalBusinessId }, person), { code: 'extension_refused' }, 'Meta forgot it, too')
})

t.test('a Meta that does not answer, or forgot us before, keeps nobody from leaving', async (t) => {
  const { it, caller, tools, graph, externalBusinessId, goThrough, dataset } = await setUp(t)
  const won = await readExtension(graph, tools.metaApp, { externalBusinessId }, await goThrough())
  const set = () => setDataset(caller, { workspace: it.workspaceId, ...won, won: { by: 'extension' }, probe: false }, tools)
  await set()
  it.meta.misbehave({ how: 'drop', method: 'DELETE', times: 1 })
  t.match(await leaveDataset(caller, DATASET, tools), { outcome: 'failed', text: /Meta could not be told.*business settings/ })
  t.equal((await dataset()).state, 'held')
  await set()
  t.match(await leaveDataset(caller, DATASET, tools), { outcome: 'left' })
  await set()
  t.match(await leaveDataset(caller, DATASET, tools), { outcome: 'left' }, 'a token that ended is what an uninstall leaves behind')
})

t.test('a Meta that is in trouble, or does not let the app, is told apart from a dialog that was not finished', async (t) => {
  const { it, tools, graph, externalBusinessId, goThrough } = await setUp(t)
  const person = await goThrough()
  const read = (externalId = externalBusinessId) => readExtension(graph, tools.metaApp, { externalBusinessId: externalId }, person)
  it.meta.fail({ code: 2, path: '/fbe_installs$' })
  await t.rejects(read(), { code: 'meta_unavailable', retry: 'later' })
  it.meta.fail({ code: 3, path: '/access_token$', message: `no capability for ${person}` })
  await t.rejects(read(), { code: 'extension_refused', userText: /^(?!.*EAA).*Meta says: no capability for \[token\]/ })
  await t.rejects(read('of-nobody'), { code: 'extension_incomplete' })
  await t.rejects(readExtension(graph, { ...tools.metaApp, secret: 'wrong' }, { externalBusinessId }, person), {
    code: 'extension_refused',
  })
})

t.test('another workspace neither leaves a dataset nor speaks for it', async (t) => {
  const { it, tools, dataset } = await setUp(t)
  const other = await it.addTenant({ portal: 4004004, dataset: '700000000000002', token: 'EAAothertoken000000000000000002' })
  const stranger = { db: it.db, actor: 'stranger', workspaceId: other.workspaceId }
  await putSecret(it.db, it.vault, `dataset:${other.datasetId}`, 'token', TOKEN)
  for (const ref of [DATASET, String(it.datasetId)]) {
    await t.rejects(leaveDataset(stranger, ref, tools), { code: 'dataset_unknown' })
    await t.rejects(answerCrmDataset(stranger, ref, 'no'), { code: 'dataset_unknown' })
  }
  t.match(await dataset(), { state: 'active', crm_dataset: null })
})
