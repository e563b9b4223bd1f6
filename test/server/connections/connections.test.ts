import t from 'tap'
import { hubspot } from '../../../connectors/hubspot/index.ts'
import { createConnections } from '../../../server/connections/connections.ts'
import { closeNotice, openNotice } from '../../../server/connections/notices.ts'
import { attentionOver, needAttention } from '../../../server/connections/states.ts'
import { PORTAL, setUp } from './set-up.ts'

t.test('a connection comes with all that its connector needs', async (t) => {
  const { db, vault, app, http, log, connectionId, workspaceId, crm } = await setUp(t)
  const field = 'hs_analytics_source'
  await db
    .updateTable('connection')
    .set({ rules: JSON.stringify({ confirmedSources: [{ field, equals: 'PAID_SOCIAL' }], optOut: [{ field, equals: 'x' }] }) })
    .execute()
  const connections = createConnections({ db, vault, apps: { hubspot: app }, http, log })
  const connection = await connections.get(connectionId)
  t.match(connection, { id: connectionId, workspaceId, crm: 'hubspot', state: 'setup', rules: { whichLeads: 'meta_leads' } })
  const { context } = connection
  t.match(context, { account: String(PORTAL), scopes: ['oauth'], ruleFields: [field] })
  t.equal(context.ruleFields.length, 1)
  t.type(context.settings, 'object', 'settings have their defaults')

  const { id } = crm.create({ type: 'contacts', properties: { [field]: 'PAID_SOCIAL' } })
  const [snapshot] =
    (await hubspot.lookup?.({ ...context, settings: hubspot.manifest.settings.parse({}) as never }, [
      { ref: { type: 'contact', id }, history: false },
    ])) ?? []
  t.match(snapshot, { found: true, fields: { [field]: 'PAID_SOCIAL' } })
})

t.test('a connection is remembered until it is forgotten, and has one client for good', async (t) => {
  const { db, vault, app, http, log, connectionId } = await setUp(t)
  const connections = createConnections({ db, vault, apps: { hubspot: app }, http, log })
  const before = await connections.get(connectionId)
  await db.updateTable('connection').set({ name: 'Renamed' }).execute()
  t.equal((await connections.get(connectionId)).name, '')
  connections.forget(connectionId)
  const after = await connections.get(connectionId)
  t.equal(after.name, 'Renamed')
  t.equal(after.context.client, before.context.client)
})

t.test('where several processes ask the same accounts, their requests count against its limits together', async (t) => {
  const { db, vault, app, http, log, connectionId } = await setUp(t)
  const taken = async () => (await db.selectFrom('crm_pace').select('taken').execute()).flatMap((row) => row.taken)
  const ask = async (shared: boolean) => {
    const { context } = await createConnections({ db, vault, apps: { hubspot: app }, http, log, shared }).get(connectionId)
    await context.client.request({ method: 'GET', url: '/crm/v3/properties/contacts' })
  }
  await ask(false)
  t.same(await taken(), [])
  await ask(true)
  await ask(true)
  t.equal((await taken()).length, 2)
})

t.test('removed and unknown connections, and CRMs without credentials, are told apart', async (t) => {
  const { db, vault, app, http, log, connectionId } = await setUp(t)
  const connections = createConnections({ db, vault, apps: { hubspot: app }, http, log })
  await t.rejects(connections.get(connectionId + 1), { code: 'not_connected' })
  await t.rejects(createConnections({ db, vault, apps: {}, http, log }).get(connectionId), { code: 'connector_off' })
  await db.updateTable('connection').set({ state: 'removed' }).execute()
  await t.rejects(connections.get(connectionId), { code: 'not_connected' })
})

t.test('a renewed grant brings its scopes along', async (t) => {
  const { newAccessToken, crm, connection, passMinutes } = await setUp(t)
  crm.setScopes({ portalId: PORTAL, scopes: ['oauth', 'crm.objects.contacts.read'] })
  passMinutes(26)
  await newAccessToken().current()
  t.same((await connection()).scopes, ['oauth', 'crm.objects.contacts.read'])
})

t.test('a notice is opened once for a subject and code, and again after it was closed', async (t) => {
  const { db, workspaceId, notices } = await setUp(t)
  const notice = { workspaceId, subject: 'dataset:1', code: 'reconnect', text: 'Connect again.' }
  t.equal(await openNotice(db, notice), true)
  t.equal(await openNotice(db, notice), false)
  t.equal(await openNotice(db, { ...notice, code: 'permission' }), true)
  t.equal(await closeNotice(db, 'dataset:1', 'reconnect'), true)
  t.equal(await closeNotice(db, 'dataset:1', 'reconnect'), false)
  t.equal(await openNotice(db, notice), true)
  t.same(
    (await notices()).map(({ code, closed_at }) => [code, closed_at === null]),
    [
      ['reconnect', false],
      ['permission', true],
      ['reconnect', true],
    ],
  )
})

t.test('attention that is over leads back to work where there is a route', async (t) => {
  const { db, workspaceId, connectionId, connection, notices } = await setUp(t)
  const dataset = await db
    .insertInto('dataset')
    .values({ workspace_id: workspaceId, meta_id: '77', hold_reason: null, hold_text: null })
    .returning('id')
    .executeTakeFirstOrThrow()
  await db.insertInto('route').values({ connection_id: connectionId, dataset_id: dataset.id }).execute()
  await needAttention(db, connectionId, 'reconnect', 'Connect again.')
  t.match(await connection(), { state: 'attention', state_reason: 'reconnect' })
  await attentionOver(db, connectionId, 'another reason')
  t.match(await connection(), { state: 'attention' })
  await attentionOver(db, connectionId, 'reconnect')
  t.match(await connection(), { state: 'active', state_reason: null })
  t.match(await notices(), [{ text: 'Connect again.', closed_at: Date }])
})

t.test('a paused connection stays paused', async (t) => {
  const { db, connectionId, connection, notices } = await setUp(t)
  await db.updateTable('connection').set({ state: 'paused' }).execute()
  await needAttention(db, connectionId, 'reconnect', 'Connect again.')
  await attentionOver(db, connectionId, 'reconnect')
  t.match(await connection(), { state: 'paused' })
  t.same(await notices(), [])
})
