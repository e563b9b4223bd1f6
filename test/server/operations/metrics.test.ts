import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { createLog } from '../../../server/log.ts'
import { createMetrics } from '../../../server/operations/metrics.ts'
import { DATASET, PORTAL, type TestApp, TOKEN, testApp, until } from '../../support/app.ts'
import { testDatabase } from '../../support/database.ts'
import { tallied } from '../../support/look.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { startProxy } from '../../support/proxy.ts'
import { addWebhook } from '../../support/webhook.ts'

const METRICS_TOKEN = 'metrics-token-of-the-test'
const env = { METRICS_TOKEN }

const ask = async (it: Pick<TestApp, 'url'>, authorization?: string) => {
  const answer = await request(`${it.url}/metrics`, { headers: authorization === undefined ? {} : { authorization } })
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
}

/** The values by their names with labels, as they stand in the text. */
async function scrape(it: Pick<TestApp, 'url'>): Promise<Map<string, number>> {
  const { text } = await ask(it, `Bearer ${METRICS_TOKEN}`)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

t.test('metrics are only for who has the token, and without one there are none', async (t) => {
  const closed = await testApp(t)
  t.equal((await ask(closed, 'Bearer ')).status, 404)

  const open = await testApp(t, { env })
  for (const wrong of [undefined, '', 'Bearer', `Bearer ${METRICS_TOKEN}x`, METRICS_TOKEN, `Basic ${METRICS_TOKEN}`])
    t.match(await ask(open, wrong), { status: 401, headers: { 'www-authenticate': 'Bearer' } }, String(wrong))
  t.match(await ask(open, `Bearer ${METRICS_TOKEN}`), { status: 200, headers: { 'content-type': /^text\/plain; version=0\.0\.4/ } })
})

t.test('every step of the way is counted', async (t) => {
  const it = await testApp(t, { env })
  const create = (meta_lead_id: string, lifecyclestage = 'lead') =>
    it.hubspot.create({ type: 'contact', properties: { meta_lead_id, lifecyclestage } }).id
  for (let n = 1; n <= 3; n++) create(`10000000000000${n}`)
  await it.settled()
  // Held while the request is under way: what was lost would go again after a pause that may be none.
  const hold = () => it.db.updateTable('dataset').set({ state: 'held' }).execute()
  it.meta.misbehave({ how: 'drop', path: '/events$', held: hold })
  it.hubspot.fail({ status: 503, path: '/contacts/batch/read' })
  it.hubspot.expireTokens({})
  create('100000000000004', 'other')
  await it.hubspot.idle()
  await until(async () => {
    await it.db
      .updateTable('packet')
      .set({ not_before: new Date(0) })
      .execute()
    const silent = (await scrape(it)).get('leadstage_meta_events_total{answer="silent"}')
    return silent === 1 && (await tallied(it.db, 'possible_doubles.timeout')) === 1
  })
  await post(it.url, [stageEvent(1, 'lead')], { secret: 'wrong' })
  await post(it.url, [stageEvent(987_654, 'lead')])
  await it.db.updateTable('dataset').set({ sleep_until: null }).execute()
  await it.db.insertInto('notice').values({ workspace_id: it.workspaceId, subject: 'dataset:1', code: 'meta_368', text: '-' }).execute()
  await it.db
    .insertInto('tally')
    .values({ name: 'possible_doubles.timeout', count: 4 })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ count: 4 }))
    .execute()

  let found = new Map<string, number>()
  // How things stand is read every few seconds only.
  await until(async () => {
    found = await scrape(it)
    return (
      found.get('leadstage_outbox_events{state="held"}') === 1 &&
      found.get('leadstage_lookup_records_total{crm="hubspot",outcome="gone"}') === 1
    )
  })
  const is = (name: string, value: number) => t.equal(found.get(`leadstage_${name}`), value, name)
  const some = (name: string) => t.ok((found.get(`leadstage_${name}`) ?? 0) > 0, `${name} ${found.get(`leadstage_${name}`)}`)
  some('webhook_request_duration_seconds_count{crm="hubspot",outcome="accepted"}')
  is('webhook_request_duration_seconds_count{crm="hubspot",outcome="refused"}', 1)
  some('changes_total{crm="hubspot",way="push"}')
  some('intake_packets_total')
  some('intake_commit_duration_seconds_count')
  some('run_duration_seconds_count{kind="resolve",outcome="done"}')
  some('run_duration_seconds_count{kind="sweep",outcome="done"}')
  some('lookup_duration_seconds_count{crm="hubspot"}')
  some('lookup_records_total{crm="hubspot",outcome="found"}')
  some('crm_request_duration_seconds_count{crm="hubspot",answer="2xx"}')
  some('crm_request_duration_seconds_count{crm="hubspot",answer="401"}')
  some('crm_request_duration_seconds_count{crm="hubspot",answer="5xx"}')
  some('token_renewals_total{crm="hubspot",outcome="renewed"}')
  is('ledger_entries_total{outcome="sent",reason=""}', 3)
  is('ledger_entries_total{outcome="pending",reason=""}', 4)
  some('ledger_entries_total{outcome="suppressed",reason="stage_unmapped"}')
  is('meta_events_total{answer="accepted"}', 3)
  some('meta_request_duration_seconds_count{answer="accepted"}')
  is('meta_request_duration_seconds_count{answer="silent"}', 1)
  is('connections{crm="hubspot",state="active"}', 1)
  is('datasets{state="held"}', 1)
  is('notices_open{code="meta"}', 1)
  some('outbox_oldest_seconds')
  some('history_age_seconds{crm="hubspot"}')
  is('possible_doubles_total{cause="timeout"}', 4)
  is('database_readable', 1)
  t.ok(found.has('process_cpu_seconds_total'), 'of the process itself, too')
})

t.test('no label names a tenant, a record or a person, and more of them make no more series', async (t) => {
  const it = await testApp(t, { env })
  const walk = async (portalId: number, leadId: string) => {
    it.hubspot.create({
      portalId,
      type: 'contact',
      properties: { email: 'canary@example.com', meta_lead_id: leadId, lifecyclestage: 'lead' },
    })
    await it.settled()
  }
  await walk(PORTAL, '8877665544332211')
  const sender = await addWebhook(it, { dataset: '700000000000002', token: 'EAAtesttoken0000000000000000000002' })
  await sender.send({ record_id: 'canary-record', stage: 'canary-stage', email: 'canary@example.com' })
  await sender.send('nothing', { path: '/webhooks/webhook/canary' })
  await it.settled()
  const before = new Set((await scrape(it)).keys())
  t.ok(before.has('leadstage_webhook_request_duration_seconds_count{crm="webhook",outcome="refused"}'), 'an unknown address')
  it.meta.addDataset({ id: '700000000000003', tokens: ['EAAtesttoken0000000000000000000003'] })
  await it.addTenant({ portal: 4_004_004, dataset: '700000000000003', token: 'EAAtesttoken0000000000000000000003' })
  await walk(4_004_004, '8877665544332212')
  const after = await ask(it, `Bearer ${METRICS_TOKEN}`)
  const own = (name: string) => name.startsWith('leadstage_')
  const added = [...(await scrape(it)).keys()].filter((name) => own(name) && !before.has(name))
  t.strictSame(added, [])
  for (const canary of ['canary', String(PORTAL), '4004004', DATASET, TOKEN, '887766554433221', METRICS_TOKEN, sender.added.secret])
    t.notOk(after.text.includes(canary), canary)
})

t.test('without a database there are the counts of the process, and nothing that was true before', async (t) => {
  let proxy: Awaited<ReturnType<typeof startProxy>> | undefined
  const it = await testApp(t, {
    env,
    reach: async (databaseUrl) => {
      const url = new URL(databaseUrl)
      proxy = await startProxy(t, { host: url.hostname, port: Number(url.port) })
      url.host = `127.0.0.1:${proxy.port}`
      return url.href
    },
  })
  t.equal((await scrape(it)).get('leadstage_database_readable'), 1)
  await proxy?.cut()
  let found = new Map<string, number>()
  await until(async () => {
    found = await scrape(it)
    return found.get('leadstage_database_readable') === 0
  })
  t.notOk([...found.keys()].some((name) => name.startsWith('leadstage_connections')))
  t.ok(found.has('process_cpu_seconds_total'))
})

t.test('the table and the dashboard know the metrics that there are', async (t) => {
  const metrics = createMetrics({ db: await testDatabase(t), log: createLog({ level: 'silent' }), depths: async () => undefined })
  const there = [...(await metrics.text()).matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name as string)
  const ours = there.filter((name) => name.startsWith('leadstage_')).sort()
  const folder = join(import.meta.dirname, '../../../server/operations')

  const table = readFileSync(join(folder, 'README.md'), 'utf8')
  const listed = [...table.matchAll(/^\| `(leadstage_\w+)`/gm)].map(([, name]) => name as string)
  t.strictSame(listed.sort(), ours, 'the table: all of ours, and no other')

  const dashboard = JSON.parse(readFileSync(join(folder, 'grafana.json'), 'utf8')) as { panels: { targets?: { expr: string }[] }[] }
  const asked = dashboard.panels.flatMap(({ targets = [] }) =>
    targets.flatMap(({ expr }) => expr.match(/\b(leadstage|process|nodejs)_\w+/g) ?? []),
  )
  const shown = new Set(asked.map((name) => (there.includes(name) ? name : name.replace(/_(bucket|sum|count)$/, ''))))
  t.strictSame(
    [...shown].filter((name) => !there.includes(name)),
    [],
    'the dashboard: none that is not there',
  )
  t.strictSame([...shown].filter((name) => name.startsWith('leadstage_')).sort(), ours, 'and all of ours')
})
