/** Moving a configuration: from one account to another of the same CRM, in another workspace. */
import t from 'tap'
import { createConnections } from '../../../server/connections/connections.ts'
import { createHttp } from '../../../server/connections/http.ts'
import { createLog } from '../../../server/log.ts'
import { exportConnection } from '../../../server/settings/connection-file.ts'
import { importConnection, planImport } from '../../../server/settings/import-connection.ts'
import { setMapping } from '../../../server/settings/mappings.ts'
import { setRoute } from '../../../server/settings/routes.ts'
import { setRules, setSettings } from '../../../server/settings/rules.ts'
import { DATASET, TOKEN, testApp } from '../../support/app.ts'
import { funnel } from '../../support/funnel.ts'

t.test('a sandbox’s configuration is shown, then taken over, and a repeat changes nothing', async (t) => {
  const it = await testApp(t, { launch: false })
  const other = await it.addTenant({ portal: 4004004, dataset: '700000000000002', token: 'EAAtesttoken0000000000000000000002' })
  const caller = { db: it.db, actor: 'operator' }
  const { http, close } = createHttp()
  t.teardown(close)
  const connections = createConnections({ db: it.db, vault: it.vault, apps: it.config.crm, http, log: createLog({ level: 'silent' }) })

  const own = { source: 'lifecyclestage', stageId: 'only-in-the-sandbox', label: 'Sandbox only', eventName: 'Tried' }
  const mapping = { ...funnel(), stages: [...funnel().stages, own] }
  await setMapping(caller, { connectionId: it.connectionId, version: 1, body: mapping })
  await setRules(caller, it.connectionId, { repeats: true, consent: [{ field: 'consent', equals: 'yes' }] })
  await setSettings(caller, it.connectionId, { leadIdField: 'fb_lead' })
  await setRoute(caller, { connectionId: it.connectionId, dataset: DATASET, mode: 'shadow', filter: { recordTypes: ['contact'] } })
  const file = JSON.parse(JSON.stringify(await exportConnection(caller, it.connectionId))) as Record<string, unknown>
  const text = JSON.stringify(file)
  for (const secret of [TOKEN, 'test-refresh-token']) t.notOk(text.includes(secret), 'no secret')

  const wanted = { file, workspace: other.workspaceId }
  const plan = await planImport(caller, wanted, connections)
  t.match(plan, {
    connectionId: other.connectionId,
    accounts: { from: '3003003', to: '4004004' },
    settings: [{ name: 'leadIdField', from: 'meta_lead_id', to: 'fb_lead' }],
    mapping: 'new',
    unknownStages: ['Sandbox only'],
    routes: [{ dataset: DATASET, change: 'no_dataset' }],
  })
  t.same(
    plan.rules.map(({ name, to }) => [name, to]),
    [
      ['consent', [{ field: 'consent', equals: 'yes' }]],
      ['repeats', true],
    ],
  )
  t.equal(
    (await it.db.selectFrom('mapping').select('version').where('connection_id', '=', other.connectionId).execute()).length,
    1,
    'a plan changes nothing',
  )

  await it.db.insertInto('dataset').values({ workspace_id: other.workspaceId, meta_id: DATASET }).execute()
  await importConnection(caller, wanted, connections)
  const there = await exportConnection(caller, other.connectionId)
  t.match(there, { mapping: file.mapping, settings: file.settings })
  t.match(there.rules, { repeats: true, consent: [{ field: 'consent', equals: 'yes' }] })
  t.match(there.routes, [{ dataset: '700000000000002' }, { dataset: DATASET, mode: 'shadow', filter: { recordTypes: ['contact'] } }])
  const audited = await it.db.selectFrom('audit').select('id').execute()
  t.match(await importConnection(caller, wanted, connections), {
    settings: [],
    rules: [],
    mapping: 'same',
    routes: [{ change: 'same' }],
  })
  t.equal((await it.db.selectFrom('audit').select('id').execute()).length, audited.length)

  const live = { ...file, routes: [{ dataset: DATASET, mode: 'live', filter: {} }] }
  t.match(await planImport(caller, { ...wanted, file: live }, connections), { routes: [{ mode: 'live', change: 'changed' }] })
  await it.db.updateTable('connection').set({ sandbox: true }).where('id', '=', other.connectionId).execute()
  t.match(await planImport(caller, { ...wanted, file: live }, connections), { routes: [{ mode: 'shadow' }] }, 'a sandbox sends nothing')
})

t.test('a file that does not fit is refused', async (t) => {
  const it = await testApp(t, { launch: false })
  const caller = { db: it.db, actor: 'operator' }
  const none = {} as never
  const file = await exportConnection(caller, it.connectionId)
  const plan = (change: object, workspace: number = it.workspaceId, connectionId?: number) =>
    planImport(caller, { file: { ...file, ...change }, workspace, ...(connectionId && { connectionId }) }, none)
  await t.rejects(plan({ format: 'leadstage.connection/2' }), { code: 'invalid_input' })
  await t.rejects(plan({ rules: { nope: 1 } }), { code: 'invalid_input', userText: /nope/ })
  await t.rejects(plan({ settings: { leadIdField: 7 } }), { code: 'invalid_input' })
  await t.rejects(plan({ crm: 'webhook', settings: {} }), { code: 'connection_unknown' })
  await t.rejects(plan({ crm: 'webhook', settings: {} }, it.workspaceId, it.connectionId), { code: 'crm_differs' })
  const other = await it.addTenant({ portal: 4004004, dataset: '700000000000002', token: 'EAAtesttoken0000000000000000000002' })
  await t.rejects(plan({}, it.workspaceId, other.connectionId), { code: 'connection_unknown' }, 'one of another workspace is not there')
  await it.db.updateTable('connection').set({ workspace_id: it.workspaceId }).execute()
  await t.rejects(plan({}), { code: 'connection_ambiguous' })
})
