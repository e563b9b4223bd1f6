import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { createConnections } from '../../../server/connections/connections.ts'
import { createHttp } from '../../../server/connections/http.ts'
import { needAttention } from '../../../server/connections/states.ts'
import { createVault } from '../../../server/connections/vault.ts'
import { createLog } from '../../../server/log.ts'
import { addConnection } from '../../../server/settings/add-connection.ts'
import type { Caller } from '../../../server/settings/caller.ts'
import { listConnections, pauseConnection, resumeConnection, showConnection } from '../../../server/settings/connections.ts'
import { listDatasets, resumeDataset, setDataset } from '../../../server/settings/datasets.ts'
import { mappingHistory, setMapping } from '../../../server/settings/mappings.ts'
import { removeConnection } from '../../../server/settings/remove-connection.ts'
import { listRoutes, setRoute } from '../../../server/settings/routes.ts'
import { setRules } from '../../../server/settings/rules.ts'
import { createWorkspace, listWorkspaces, renameWorkspace } from '../../../server/settings/workspaces.ts'
import { startHubSpot } from '../../simulators/hubspot/start-hubspot.ts'
import { testDatabase } from '../../support/database.ts'

const PORTAL = 1001
const DATASET = '700000000000001'

/** Two workspaces, and a portal that no one has connected yet. */
async function setUp(t: Test) {
  const [db, hubspot] = await Promise.all([
    testDatabase(t),
    startHubSpot({ limits: false, portals: [{ portalId: PORTAL, refreshToken: 'first' }] }),
  ])
  const { http, close } = createHttp()
  t.teardown(() => Promise.all([hubspot.close(), close()]))
  const vault = createVault([{ id: 'k1', key: randomBytes(32) }])
  const { appId, clientId, clientSecret } = hubspot.app
  const apps = { hubspot: { appId: String(appId), clientId, clientSecrets: [clientSecret], baseUrl: hubspot.url } }
  const log = createLog({ level: 'silent' })
  const connections = createConnections({ db, vault, apps, http, log })
  const caller: Caller = { db, actor: 'test' }
  const one = await createWorkspace(caller, 'One')
  const two = await createWorkspace(caller, 'Two')
  const tools = { vault, apps, http, connections }
  const add = (workspace: number, refreshToken = 'first') => addConnection(caller, { workspace, crm: 'hubspot', refreshToken }, tools)
  // Nothing here is to ask Meta.
  const graph = undefined as never
  const addDataset = (workspace: number, metaId = DATASET, by = caller) =>
    setDataset(by, { workspace, metaId, token: 'a-token-for-tests', probe: false }, { vault, graph })
  return { db, hubspot, vault, caller, one, two, add, addDataset, connections }
}

t.test('an account is connected in one workspace only, until it is removed there', async (t) => {
  const { vault, caller, one, two, add } = await setUp(t)
  const first = await add(one.id)
  t.match(first, { created: true, mapping: 'saved' })
  await t.rejects(add(two.id), { code: 'account_taken' })
  t.match(await add(one.id), { id: first.id, created: false, mapping: 'kept' })
  await removeConnection(caller, first.id, vault)
  const second = await add(two.id)
  t.match(second, { created: true, account: String(PORTAL) })
  t.not(second.id, first.id, 'workspaces share no row')
  t.match(await listConnections(caller, { removed: true }), [
    { id: first.id, workspaceId: one.id, state: 'removed' },
    { id: second.id, workspaceId: two.id, state: 'setup' },
  ])
})

t.test('connecting again settles what asked for it, keeps routes and mapping, and brings a removed connection back', async (t) => {
  const { vault, db, hubspot, caller, one, add, addDataset } = await setUp(t)
  const { id } = await add(one.id)
  await addDataset(one.id)
  await setRoute(caller, { connectionId: id, dataset: DATASET })
  hubspot.revokeGrant({ portalId: PORTAL })
  await needAttention(db, id, 'reconnect', 'Connect again.')
  await t.rejects(add(one.id), { code: 'grant_revoked' })
  t.match(await showConnection(caller, id), { state: 'attention', notice: 'Connect again.' })
  hubspot.install({ portalId: PORTAL, refreshToken: 'second' })
  await add(one.id, 'second')
  t.match(await showConnection(caller, id), { state: 'active', notice: null })

  const { createdAt } = await showConnection(caller, id)
  await removeConnection(caller, id, vault)
  await t.rejects(pauseConnection(caller, id), { code: 'connection_removed' })
  t.equal((await db.selectFrom('secret').select('owner').execute()).filter(({ owner }) => owner === `connection:${id}`).length, 0)
  t.match(await add(one.id, 'second'), { id, created: false, mapping: 'kept' })
  const back = await showConnection(caller, id)
  t.match(back, { state: 'active', routes: 1, coveredUntil: null })
  t.ok(back.createdAt > createdAt, 'what happened while it was removed is not read')
})

t.test('a connection that cannot show its stages stands all the same, and says why nothing is mapped', async (t) => {
  const { hubspot, caller, one, add } = await setUp(t)
  hubspot.fail({ status: 403, path: '/crm/properties', times: 20 })
  const added = await add(one.id)
  t.match(added, { created: true, mapping: 'failed', findings: [{ fatal: true, text: /./ }] })
  t.same(await mappingHistory(caller, added.id), [])
})

t.test('a pause keeps what asked for attention in mind', async (t) => {
  const { db, caller, one, add } = await setUp(t)
  const { id } = await add(one.id)
  await needAttention(db, id, 'missing_scope', 'Grant more.')
  await pauseConnection(caller, id)
  t.equal(await resumeConnection(caller, id), 'attention')
  await pauseConnection(caller, id)
  await db.updateTable('notice').set({ closed_at: new Date() }).execute()
  t.equal(await resumeConnection(caller, id), 'setup')
  t.match(await showConnection(caller, id), { state: 'setup', stateReason: null })
})

t.test('a removed connection leaves nothing behind that could still be sent or handled', async (t) => {
  const { vault, db, caller, one, add, addDataset } = await setUp(t)
  const { id } = await add(one.id)
  const { id: datasetId } = await addDataset(one.id)
  await setRoute(caller, { connectionId: id, dataset: DATASET })
  const at = new Date()
  const record = await db
    .insertInto('record')
    .values({ connection_id: id, type: 'contact', record_id: '1', first_seen_at: at, look_again_at: at })
    .returning('id')
    .executeTakeFirstOrThrow()
  const entry = {
    occurred_at: at,
    connection_id: id,
    dataset_id: datasetId,
    record_id: record.id,
    received_at: at,
    event_name: 'X',
    reason: null,
  }
  const [pending, waiting] = ['00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002'] as const
  await db
    .insertInto('ledger')
    .values([
      { ...entry, event_id: pending, stage_key: 's//a', outcome: 'pending' },
      { ...entry, event_id: waiting, stage_key: 's//b', outcome: 'waiting' },
    ])
    .execute()
  const event = {
    dataset_id: datasetId,
    occurred_at: at,
    event_id: pending,
    connection_id: id,
    record_id: record.id,
    lead_id: 1,
    payload: '{}',
  }
  await db.insertInto('outbox').values(event).execute()
  const packet = { id: pending, connection_id: id, body: Buffer.of(0), changes: 1, received_at: at, claimed_by: null, last_error: null }
  await db.insertInto('packet').values(packet).execute()

  t.same(await removeConnection(caller, id, vault), { packets: 1, unsent: 1 })
  const outcomes = await db.selectFrom('ledger').select(['outcome', 'reason']).execute()
  t.same(outcomes, Array(2).fill({ outcome: 'suppressed', reason: 'connection_removed' }))
  for (const table of ['outbox', 'packet'] as const) t.same(await db.selectFrom(table).selectAll().execute(), [], table)
  t.equal((await db.selectFrom('record').select('look_again_at').executeTakeFirstOrThrow()).look_again_at, null)
})

t.test('an event on its way while its connection is removed is left to the delivery that sends it', async (t) => {
  const { vault, db, caller, one, add, addDataset } = await setUp(t)
  const { id } = await add(one.id)
  const { id: datasetId } = await addDataset(one.id)
  const event_id = '00000000-0000-0000-0000-000000000001'
  const event = { dataset_id: datasetId, occurred_at: new Date(), event_id, connection_id: id, record_id: 1, lead_id: 1, payload: '{}' }
  await db.insertInto('outbox').values(event).execute()
  await db
    .insertInto('lease')
    .values({ key: `deliver:${datasetId}`, owner: 'a delivery', fence: 1, until: new Date(Date.now() + 60_000) })
    .execute()
  t.match(await removeConnection(caller, id, vault), { unsent: 0 })
  t.equal((await db.selectFrom('outbox').selectAll().execute()).length, 1)
})

t.test('a caller of one workspace sees and changes nothing of another', async (t) => {
  const { vault, caller, one, two, add, addDataset, connections } = await setUp(t)
  const { id } = await add(one.id)
  await addDataset(one.id)
  await setRoute(caller, { connectionId: id, dataset: DATASET })
  const stranger: Caller = { ...caller, actor: 'stranger', workspaceId: two.id }
  t.match(await listWorkspaces(stranger), [{ id: two.id }])
  t.same(await listConnections(stranger), [])
  t.same(await listDatasets(stranger), [])
  t.same(await listRoutes(stranger), [])
  await t.rejects(showConnection(stranger, id), { code: 'connection_unknown' })
  await t.rejects(pauseConnection(stranger, id), { code: 'connection_unknown' })
  await t.rejects(removeConnection(stranger, id, vault), { code: 'connection_unknown' })
  await t.rejects(setRules(stranger, id, {}), { code: 'connection_unknown' })
  await t.rejects(mappingHistory(stranger, id), { code: 'connection_unknown' })
  await t.rejects(setMapping(stranger, { connectionId: id, version: 1, body: {} }), { code: 'connection_unknown' })
  await t.rejects(setRoute(stranger, { connectionId: id, dataset: DATASET }), { code: 'connection_unknown' })
  await t.rejects(resumeDataset(stranger, DATASET), { code: 'dataset_unknown' })
  await t.rejects(addDataset(one.id, DATASET, stranger), { code: 'workspace_unknown' })
  await t.rejects(renameWorkspace(stranger, one.id, 'Mine'), { code: 'workspace_unknown' })
  t.ok(await connections.get(id))
})

t.test('a route stays inside its workspace, and the same dataset of two workspaces is told apart', async (t) => {
  const { caller, one, two, add, addDataset } = await setUp(t)
  const { id } = await add(one.id)
  await addDataset(two.id)
  await t.rejects(setRoute(caller, { connectionId: id, dataset: DATASET }), { code: 'dataset_unknown' })
  const mine = await addDataset(one.id)
  await setRoute(caller, { connectionId: id, dataset: DATASET })
  t.match(await listRoutes(caller), [{ datasetId: mine.id }])
  await t.rejects(resumeDataset(caller, DATASET), { code: 'dataset_ambiguous' })
  t.same(await resumeDataset(caller, String(mine.id)), { id: mine.id, wasHeld: false })
})

t.test('a route keeps mode and filter where none is given', async (t) => {
  const { caller, one, add, addDataset } = await setUp(t)
  const { id } = await add(one.id)
  await addDataset(one.id)
  const filter = { pipelineIds: ['default'] }
  await setRoute(caller, { connectionId: id, dataset: DATASET, mode: 'shadow', filter })
  t.match(await setRoute(caller, { connectionId: id, dataset: DATASET }), { created: false })
  t.match(await listRoutes(caller), [{ mode: 'shadow', filter }])
  await setRoute(caller, { connectionId: id, dataset: DATASET, mode: 'live', filter: {} })
  const [route] = await listRoutes(caller)
  t.match(route, { mode: 'live' })
  t.same(route?.filter, {})
  await t.rejects(setRoute(caller, { connectionId: id, dataset: DATASET, filter: { forms: [] } as never }), { code: 'invalid_input' })
})

t.test('a new token ends the hold of a dataset and the notices about it', async (t) => {
  const { db, caller, one, addDataset } = await setUp(t)
  const { id } = await addDataset(one.id)
  const held = { state: 'held' as const, hold_reason: 'unknown_error', unknown_error: '400//', unknown_error_count: 3, failures: 4 }
  await db.updateTable('dataset').set(held).where('id', '=', id).execute()
  await db
    .insertInto('notice')
    .values({ workspace_id: one.id, subject: `dataset:${id}`, code: 'unknown_error', text: 'x' })
    .execute()
  t.match(await addDataset(one.id), { id, created: false })
  const after = { state: 'active', hold_reason: null, unknown_error: null, unknown_error_count: 0, failures: 0 }
  t.match(await db.selectFrom('dataset').selectAll().executeTakeFirst(), after)
  t.same(await db.selectFrom('notice').select('id').where('closed_at', 'is', null).execute(), [])
  t.match(await listDatasets(caller), [{ state: 'active', unsent: 0 }])
})

t.test('of two changes of a mapping made on one version, the second is refused', async (t) => {
  const { caller, one, add } = await setUp(t)
  const { id } = await add(one.id)
  const change = (eventName: string) =>
    setMapping(caller, { connectionId: id, version: 1, body: { stages: [{ source: 'lifecyclestage', stageId: 'lead', eventName }] } })
  const results = await Promise.allSettled([change('A'), change('B')])
  t.same(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  t.match(
    results.find(({ status }) => status === 'rejected'),
    { reason: { code: 'mapping_outdated' } },
  )
  t.equal((await mappingHistory(caller, id)).length, 2)
})

t.test('a mapping that gives up a name which has been sent is saved only when confirmed', async (t) => {
  const { db, caller, one, add, addDataset } = await setUp(t)
  const { id } = await add(one.id)
  const { id: datasetId } = await addDataset(one.id)
  await setRoute(caller, { connectionId: id, dataset: DATASET })
  const event_id = '00000000-0000-0000-0000-000000000001'
  await db
    .insertInto('milestone')
    .values({ dataset_id: datasetId, lead_id: 1, event_name: 'Converted', occurred_at: new Date(), event_id })
    .execute()
  const [first] = await mappingHistory(caller, id)
  const body = (name: string, of: string) => ({
    ...first?.mapping,
    stages: first?.mapping.stages.map((line) => (line.stageId === of ? { ...line, eventName: name } : line)),
  })
  const wanted = { connectionId: id, version: 1, body: body('Won', 'customer') }
  await t.rejects(setMapping(caller, wanted), { code: 'mapping_renames_sent', userText: /"Converted".*"Won"/ })
  t.equal((await mappingHistory(caller, id)).length, 1)
  t.match(await setMapping(caller, { ...wanted, confirmed: true }), { version: 2, renamed: [{ from: 'Converted', to: 'Won' }] })
  const unsent = { connectionId: id, version: 2, body: body('Opp', 'opportunity') }
  t.match(await setMapping(caller, { ...unsent, confirmed: true }), { version: 3 })
})

t.test('a mapping that lists a stage twice, or names an event with more than 50 characters, is refused', async (t) => {
  const { caller, one, add } = await setUp(t)
  const { id } = await add(one.id)
  const line = { source: 'lifecyclestage', stageId: 'lead', eventName: 'A' }
  const set = (stages: object[]) => setMapping(caller, { connectionId: id, version: 1, body: { stages } })
  await t.rejects(set([line, { ...line, eventName: 'B' }]), { code: 'invalid_input', userText: /twice/ })
  await t.rejects(set([{ ...line, eventName: 'x'.repeat(51) }]), { code: 'invalid_input', userText: /stages.0.eventName/ })
})

t.test('rules change one by one, null takes one back, and waiting records are looked at again at once', async (t) => {
  const { db, caller, one, add } = await setUp(t)
  const { id } = await add(one.id)
  const later = new Date(Date.now() + 3_600_000)
  const record = { connection_id: id, type: 'contact', first_seen_at: new Date() }
  await db
    .insertInto('record')
    .values([
      { ...record, record_id: '1', look_again_at: later },
      { ...record, record_id: '2', look_again_at: null },
    ])
    .execute()
  await setRules(caller, id, { repeats: true, defaultCountry: 'de' })
  t.match(await setRules(caller, id, { backward: true }), { repeats: true, backward: true, defaultCountry: 'de' })
  t.match(await setRules(caller, id, { repeats: null }), { repeats: false, backward: true })
  await t.rejects(setRules(caller, id, { consent: [{ field: 'x' }] }), { code: 'invalid_input' })
  await t.rejects(setRules(caller, id, []), { code: 'invalid_input' })
  const [due, settled] = await db.selectFrom('record').select('look_again_at').orderBy('record_id').execute()
  t.ok((due?.look_again_at?.getTime() ?? Number.POSITIVE_INFINITY) < later.getTime())
  t.equal(settled?.look_again_at, null)
})
