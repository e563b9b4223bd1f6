/** Promise 15: an uninstall stops everything at once, and what was known goes when the retention time is over. */
import { sql } from 'kysely'
import t from 'tap'
import { createConnections } from '../../../server/connections/connections.ts'
import { storeGrant } from '../../../server/connections/grants.ts'
import { createHttp } from '../../../server/connections/http.ts'
import { purge } from '../../../server/connections/purge.ts'
import { endWhatIsOver, type RetentionOptions } from '../../../server/connections/retention.ts'
import { needAttention } from '../../../server/connections/states.ts'
import type { Database } from '../../../server/database/pool.ts'
import { tickStep } from '../../../server/figures/tick-step.ts'
import { insertPackets } from '../../../server/intake/inbox.ts'
import { packChanges } from '../../../server/intake/packet.ts'
import { createLog } from '../../../server/log.ts'
import { addConnection } from '../../../server/settings/add-connection.ts'
import { reevaluate } from '../../../server/settings/reevaluate.ts'
import { removeConnection } from '../../../server/settings/remove-connection.ts'
import { allScopes } from '../../simulators/hubspot/start-hubspot.ts'
import { addRoute, DATASET, PORTAL, type TestApp, TOKEN, testApp, until } from '../../support/app.ts'
import { count, findTraces, hurry, ledger, tallied } from '../../support/look.ts'
import { stageEvent } from '../../support/post-webhook.ts'
import { roll } from '../figures/roll.ts'

const DAY = 86_400_000
const person = { email: 'canary@example.com', phone: '+491701234567', firstname: 'Canarina' }
const traces = [...Object.values(person), '8877665544332211']

const options = ({ db, vault }: TestApp): RetentionOptions => ({ db, vault, retentionDays: 30 })
const go = new AbortController().signal
const daysPass = (db: Database, column: 'removed_at' | 'disconnected_at', days: number) =>
  sql`update connection set ${sql.ref(column)} = ${sql.ref(column)} - make_interval(days => ${days})`.execute(db)
const actions = async (db: Database) =>
  (await db.selectFrom('audit').select(['action', 'actor', 'detail']).orderBy('id').execute()).map(
    ({ action, actor }) => `${actor} ${action}`,
  )

/** Tables with rows that bear the number of a connection. */
async function bearing(db: Database, connectionId: number): Promise<string[]> {
  const tables = await sql<{ name: string }>`
    select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'connection_id'
    where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace`.execute(db)
  const found: string[] = []
  for (const { name } of tables.rows) {
    const rows = await sql`select from ${sql.table(name)} where connection_id = ${connectionId} limit 1`.execute(db)
    if (rows.rows.length > 0) found.push(name)
  }
  return found
}

t.test('after the retention time nothing is left of an uninstalled account, and others keep what is theirs', async (t) => {
  const it = await testApp(t)
  it.meta.addDataset({ id: '700000000000002', tokens: ['EAAtesttoken0000000000000000000002'] })
  const other = await it.addTenant({ portal: 4004004, dataset: '700000000000002', token: 'EAAtesttoken0000000000000000000002' })
  // Two accounts of one workspace, with a lead in common.
  await it.db.updateTable('connection').set({ workspace_id: it.workspaceId }).where('id', '=', other.connectionId).execute()
  await it.db.updateTable('dataset').set({ workspace_id: it.workspaceId }).where('id', '=', other.datasetId).execute()
  const shared = { lifecyclestage: 'lead', meta_lead_id: '123456789012345', email: 'shared@example.com' }
  it.hubspot.create({ type: 'contact', properties: shared })
  it.hubspot.create({ portalId: 4004004, type: 'contact', properties: shared })
  it.hubspot.create({ type: 'contact', properties: { ...person, lifecyclestage: 'lead', meta_lead_id: '8877665544332211' } })
  await it.settled()
  t.ok((await findTraces(it.db, traces)).length > 0)
  // Its own upkeep must not come first.
  await it.stop()
  await roll(it.db)

  await removeConnection({ db: it.db, actor: 'operator' }, it.connectionId, it.vault)
  t.same(await it.db.selectFrom('secret').select('purpose').where('owner', '=', `connection:${it.connectionId}`).execute(), [])
  await daysPass(it.db, 'removed_at', 29)
  t.same(await endWhatIsOver(options(it)), [])
  await purge(options(it), it.connectionId, go)
  t.ok((await bearing(it.db, it.connectionId)).includes('record'), 'not a day too early')

  await daysPass(it.db, 'removed_at', 2)
  t.same(await endWhatIsOver(options(it)), [it.connectionId])
  await purge(options(it), it.connectionId, AbortSignal.abort())
  t.same(await endWhatIsOver(options(it)), [it.connectionId], 'stopped, it goes on later')
  await purge(options(it), it.connectionId, go)
  t.same(await bearing(it.db, it.connectionId), [])
  t.same(await findTraces(it.db, traces), [])
  t.same(
    await it.db.selectFrom('lead').select('meta_lead_id').execute(),
    [{ meta_lead_id: '123456789012345' }],
    'the lead of the other stays',
  )
  t.equal(await count(it.db, 'lead_key'), 1)
  t.match(await it.db.selectFrom('connection').select(['state', 'settings', 'rules']).where('id', '=', it.connectionId).execute(), [
    { state: 'removed', settings: {}, rules: {} },
  ])
  t.same((await actions(it.db)).slice(-2), ['operator connection.remove', 'system connection.purge'])
  t.same(await endWhatIsOver(options(it)), [])
  const figures = await it.db.selectFrom('daily_rollup').select('value').where('dimension', '=', 'stage').execute()
  t.same(new Set(figures.map(({ value }) => Number.parseInt(value, 10))), new Set([other.connectionId]))

  await it.restart()
  const before = it.meta.events({ dataset: '700000000000002' }).length
  it.hubspot.create({ portalId: 4004004, type: 'contact', properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012346' } })
  await it.settled()
  t.ok(it.meta.events({ dataset: '700000000000002' }).length > before, 'the other account works on')
})

t.test('with the last account of a workspace its datasets, tokens and recipients go', async (t) => {
  const it = await testApp(t)
  it.hubspot.create({ type: 'contact', properties: { ...person, lifecyclestage: 'lead', meta_lead_id: '8877665544332211' } })
  await it.settled()
  await it.stop()
  await sql`insert into recipient (workspace_id, kind, address) values (${it.workspaceId}, 'email', 'admin@example.com')`.execute(it.db)
  await tickStep({ db: it.db, actor: 'operator' }, { dataset: DATASET, step: 'seen' })
  await roll(it.db)
  await removeConnection({ db: it.db, actor: 'operator' }, it.connectionId, it.vault)
  await daysPass(it.db, 'removed_at', 31)
  for (const id of await endWhatIsOver(options(it))) await purge(options(it), id, go)
  t.same(await findTraces(it.db, [...traces, 'admin@example.com', TOKEN, DATASET]), [])
  t.same(await it.db.selectFrom('secret').select('owner').execute(), [{ owner: 'installation' }])
  for (const table of ['lead', 'lead_key', 'ledger', 'outbox', 'daily_rollup', 'way_tick'] as const)
    t.equal(await count(it.db, table), 0, table)
})

t.test('connected again within the retention time, settings, mapping and routes are as they were', async (t) => {
  const it = await testApp(t, { rules: { repeats: true } })
  const caller = { db: it.db, actor: 'operator' }
  await it.db.updateTable('dataset').set({ state: 'held' }).execute()
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012344' } })
  await it.hubspot.idle()
  await until(async () => (await count(it.db, 'outbox')) === 1)
  t.match(await removeConnection(caller, it.connectionId, it.vault), { unsent: 1 })
  await it.db.updateTable('dataset').set({ state: 'active' }).execute()
  await daysPass(it.db, 'removed_at', 20)
  it.hubspot.install({ portalId: PORTAL, refreshToken: 'again' })
  const { http, close } = createHttp()
  t.teardown(close)
  const connections = createConnections({ db: it.db, vault: it.vault, apps: it.config.crm, http, log: createLog({ level: 'silent' }) })
  const again = await addConnection(
    caller,
    { workspace: it.workspaceId, crm: 'hubspot', refreshToken: 'again' },
    { vault: it.vault, apps: it.config.crm, http, connections },
  )
  t.match(again, { id: it.connectionId, created: false, mapping: 'kept' })
  t.match(await it.db.selectFrom('connection').select(['state', 'rules', 'removed_at']).execute(), [
    { state: 'active', rules: { repeats: true }, removed_at: null },
  ])
  t.equal((await it.db.selectFrom('route').selectAll().execute()).length, 1)
  await purge(options(it), it.connectionId, go)
  t.ok((await bearing(it.db, it.connectionId)).includes('record'), 'a purge that was planned meanwhile finds nothing to do')
  await daysPass(it.db, 'removed_at', 31)
  t.same(await endWhatIsOver(options(it)), [])
  it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: '123456789012345' } })
  await it.settled()
  t.equal(it.meta.events({ dataset: DATASET }).length, 1, 'what was not sent is not sent by itself')
  await reevaluate(caller, { connectionId: it.connectionId, reason: 'connection_removed' })
  await until(() => it.meta.events({ dataset: DATASET }).length === 2)
})

t.test('an account that stays disconnected is warned of, and counts as uninstalled when the retention time is over', async (t) => {
  const it = await testApp(t, { launch: false })
  await needAttention(it.db, it.connectionId, 'reconnect', 'Connect again.')
  await needAttention(it.db, it.connectionId, 'missing_scope', 'Grant more.')
  const state = () => it.db.selectFrom('connection').select(['state', 'state_reason']).executeTakeFirstOrThrow()
  const notices = async () =>
    (await it.db.selectFrom('notice').select('code').where('closed_at', 'is', null).execute()).map(({ code }) => code)
  t.same(await state(), { state: 'attention', state_reason: 'reconnect' }, 'it asks for nothing else first')
  await endWhatIsOver(options(it))
  t.same(await notices(), ['reconnect'])
  await daysPass(it.db, 'disconnected_at', 24)
  t.same(await endWhatIsOver(options(it)), [])
  t.same(await notices(), ['reconnect', 'removal_ahead'])
  await daysPass(it.db, 'disconnected_at', 7)
  t.same(await endWhatIsOver(options(it)), [it.connectionId], 'the time since it was disconnected counts')
  t.same(await state(), { state: 'removed', state_reason: null })
  t.same(await notices(), [])
  t.same(await actions(it.db), ['system connection.attention', 'system connection.remove'])
})

t.test(
  'changes that nobody resolves are told of after five days and dropped after seven, but whoever asks to be forgotten is',
  async (t) => {
    const it = await testApp(t)
    const { id } = it.hubspot.create({
      type: 'contact',
      properties: { ...person, lifecyclestage: 'lead', meta_lead_id: '8877665544332211' },
    })
    await it.settled()
    await it.stop()
    await it.db.deleteFrom('route').execute()
    await it.db.updateTable('connection').set({ state: 'setup' }).execute()
    const erasure = stageEvent(id, '', {
      subscriptionType: 'contact.privacyDeletion',
      objectTypeId: undefined,
      propertyName: undefined,
      propertyValue: undefined,
    })
    // As it arrived: without what is undefined.
    const received = (change: unknown) => JSON.parse(JSON.stringify(change)) as unknown
    const keep = (days: number, change: unknown) =>
      insertPackets(it.db, [packChanges(it.vault.for('packet'), it.connectionId, [received(change)], Date.now() - days * DAY)])
    await keep(6, stageEvent('77', 'lead'))
    await keep(1, stageEvent('78', 'lead'))
    await endWhatIsOver(options(it))
    t.equal(await count(it.db, 'packet'), 2)
    t.match(await it.db.selectFrom('notice').select(['code', 'text', 'closed_at']).execute(), [
      { code: 'packets_expiring', text: /^1 packets .* five days.*route to a dataset/, closed_at: null },
    ])
    await keep(8, erasure)
    await insertPackets(it.db, [
      { ...packChanges(it.vault.for('packet'), it.connectionId, [1], Date.now() - 9 * DAY), body: Buffer.from('damaged') },
    ])
    await endWhatIsOver(options(it))
    t.equal(await count(it.db, 'packet'), 2)
    t.same(await findTraces(it.db, traces), [])
    t.equal(await tallied(it.db, 'packets_expired'), 2)
    t.same(await actions(it.db), ['system connection.expire'])
    await it.db.updateTable('connection').set({ state: 'active' }).execute()
    await endWhatIsOver(options(it))
    t.same(await it.db.selectFrom('notice').select('code').where('closed_at', 'is', null).execute(), [])
  },
)

t.test('a removal honours the erasures that were waiting', async (t) => {
  const it = await testApp(t)
  const { id } = it.hubspot.create({ type: 'contact', properties: { ...person, lifecyclestage: 'lead', meta_lead_id: '8877665544332211' } })
  await it.settled()
  await it.db.updateTable('connection').set({ state: 'paused' }).execute()
  it.hubspot.erase({ type: 'contact', id })
  await it.hubspot.idle()
  t.equal(await count(it.db, 'packet'), 1)
  await removeConnection({ db: it.db, actor: 'operator' }, it.connectionId, it.vault)
  t.same(await findTraces(it.db, traces), [])
  t.ok((await count(it.db, 'tombstone')) > 0)
})

t.test('what was held while an account was disconnected goes out afterwards, but not for who withdrew consent or was erased', async (t) => {
  const consent = { hs_data_privacy_ads_consent: 'true' }
  const it = await testApp(t, { rules: { consent: [{ field: 'hs_data_privacy_ads_consent', equals: 'true' }] } })
  it.hubspot.revokeGrant({})
  const [willing, unwilling, forgotten] = ['111111111111111', '222222222222222', '8877665544332211'].map(
    (meta_lead_id) =>
      it.hubspot.create({ type: 'contact', properties: { ...person, ...consent, lifecyclestage: 'customer', meta_lead_id } }).id,
  ) as [string, string, string]
  await it.hubspot.idle()
  await until(async () => (await it.db.selectFrom('connection').select('state').executeTakeFirstOrThrow()).state === 'attention')
  it.hubspot.change({ type: 'contact', id: unwilling, properties: { hs_data_privacy_ads_consent: 'false' } })
  it.hubspot.erase({ type: 'contact', id: forgotten })
  await it.hubspot.idle()
  t.equal(it.meta.events({ dataset: DATASET }).length, 0)
  t.match(await it.db.selectFrom('audit').select(['actor', 'action', 'detail']).execute(), [
    { actor: 'system', action: 'connection.attention', detail: { reason: 'reconnect', from: 'active' } },
  ])

  const { refreshToken } = it.hubspot.install({ refreshToken: 'granted-anew' })
  const grant = { accessToken: '', refreshToken, expiresAt: 0, grantedAt: 0, account: String(PORTAL), scopes: allScopes }
  await storeGrant(it.db, it.vault, it.connectionId, grant)
  await until(async () => {
    await hurry(it.db)
    return (await count(it.db, 'packet')) === 0
  })
  await it.settled()
  t.ok((await ledger(it.db, willing)).some(({ outcome }) => outcome === 'sent'))
  t.ok((await ledger(it.db, unwilling)).every(({ reason }) => reason === 'consent_missing'))
  t.ok((await ledger(it.db, forgotten)).every(({ reason }) => reason === 'erased'))
  t.same([...new Set(it.meta.events({ dataset: DATASET }).map(({ leadId }) => leadId))], ['111111111111111'])
  t.same((await actions(it.db)).at(-1), 'system connection.attention_over')
})

t.test('a pause does not keep a person from being forgotten', async (t) => {
  const it = await testApp(t)
  const { id } = it.hubspot.create({ type: 'contact', properties: { ...person, lifecyclestage: 'lead', meta_lead_id: '8877665544332211' } })
  await it.settled()
  await it.db.updateTable('connection').set({ state: 'paused' }).execute()
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'customer' } })
  it.hubspot.erase({ type: 'contact', id })
  await it.hubspot.idle()
  await endWhatIsOver(options(it))
  t.same(await findTraces(it.db, traces), [])
  t.ok((await count(it.db, 'packet')) > 0, 'its changes still wait')
  await it.db.updateTable('connection').set({ state: 'active' }).execute()
  await until(async () => (await count(it.db, 'packet')) === 0)
  t.ok((await ledger(it.db, id)).some(({ stage, reason }) => stage.endsWith('customer') && reason === 'erased'))
  t.same(await findTraces(it.db, traces), [])
})

t.test('changes that wait for an account to be connected again are warned of as well, and kept', async (t) => {
  const it = await testApp(t, { launch: false })
  await needAttention(it.db, it.connectionId, 'reconnect', 'Connect again.')
  for (const days of [6, 8])
    await insertPackets(it.db, [packChanges(it.vault.for('packet'), it.connectionId, [1], Date.now() - days * DAY)])
  await endWhatIsOver(options(it))
  t.equal(await count(it.db, 'packet'), 2, 'the ledger is to say what became of them')
  t.match(await it.db.selectFrom('notice').select('text').where('code', '=', 'packets_expiring').execute(), [
    { text: /^1 packets .* what the connection needs is done/ },
  ])
})

t.test('who was forgotten stays so when the account was purged and comes back', async (t) => {
  const it = await testApp(t)
  const properties = { ...person, lifecyclestage: 'lead', meta_lead_id: '8877665544332211' }
  const { id } = it.hubspot.create({ type: 'contact', properties })
  await it.settled()
  it.hubspot.erase({ type: 'contact', id })
  await it.settled()
  await it.stop()
  await removeConnection({ db: it.db, actor: 'operator' }, it.connectionId, it.vault)
  await daysPass(it.db, 'removed_at', 31)
  for (const due of await endWhatIsOver(options(it))) await purge(options(it), due, go)

  it.hubspot.install({ portalId: PORTAL, refreshToken: 'again' })
  const caller = { db: it.db, actor: 'operator' }
  const { http, close } = createHttp()
  t.teardown(close)
  const connections = createConnections({ db: it.db, vault: it.vault, apps: it.config.crm, http, log: createLog({ level: 'silent' }) })
  const tools = { vault: it.vault, apps: it.config.crm, http, connections }
  const again = await addConnection(caller, { workspace: it.workspaceId, crm: 'hubspot', refreshToken: 'again' }, tools)
  t.match(again, { id: it.connectionId, mapping: 'saved' }, 'it begins anew')
  await addRoute(it.db, it.vault, it, { dataset: DATASET, token: TOKEN })
  await it.db.updateTable('connection').set({ state: 'active' }).execute()
  await it.restart()
  const before = it.meta.events({ dataset: DATASET }).length
  const back = it.hubspot.create({ type: 'contact', properties }).id
  await until(async () => (await ledger(it.db, back)).length > 0)
  t.ok((await ledger(it.db, back)).every(({ reason }) => reason === 'erased'))
  t.equal(it.meta.events({ dataset: DATASET }).length, before)
  t.same(await findTraces(it.db, traces), [])
})
