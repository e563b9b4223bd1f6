/** The funnel of Meta's guide through the running server: of a hundred leads seventy, thirty and fifteen go on. */
import { sql } from 'kysely'
import t from 'tap'
import { readFigures } from '../../../server/figures/read-figures.ts'
import { readStages } from '../../../server/figures/read-stages.ts'
import { readWay } from '../../../server/figures/read-way.ts'
import { tickStep } from '../../../server/figures/tick-step.ts'
import { createWorkspace } from '../../../server/settings/workspaces.ts'
import { DATASET, type TestApp, testApp } from '../../support/app.ts'
import { roll } from './roll.ts'

const DAY = 86_400_000
const steps = { marketingqualifiedlead: 70, salesqualifiedlead: 30, customer: 15 }

const caller = (it: TestApp) => ({ db: it.db, actor: 'ana' })
/** Walks a hundred leads down the funnel; every other one has an e-mail address. */
async function walk(it: TestApp): Promise<void> {
  const contacts = Array.from({ length: 100 }, (_, n) => ({
    id: it.hubspot.create({
      type: 'contact',
      properties: {
        lifecyclestage: 'lead',
        meta_lead_id: String(100_000_000_000_000 + n),
        ...(n % 2 === 0 && { email: `lead${n}@example.com` }),
      },
    }).id,
  }))
  for (const [lifecyclestage, count] of Object.entries(steps)) {
    for (const { id } of contacts.slice(0, count)) it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage } })
  }
  await it.settled()
}

t.test('figures of the funnel', async (t) => {
  const it = await testApp(t)
  await walk(it)
  await roll(it.db)
  const workspace = it.workspaceId

  const byEvent = await readFigures(caller(it), { workspace, by: 'event' })
  t.strictSame(
    byEvent.lines.map(({ name, leads, covered, sent }) => [name, leads, covered, sent]),
    [
      ['Raw Lead', 100, 100, 100],
      ['Marketing Qualified Lead', 70, 70, 70],
      ['Sales Qualified Lead', 30, 30, 30],
      ['Converted', 15, 15, 15],
    ],
  )
  t.match(byEvent.total, { leads: 100, covered: 100, captured: 0, sent: 215 }, 'the 215 events of the guide')
  t.match(byEvent.coverage, { basis: 'seen', share: 1, text: /No Facebook page is connected/ })
  t.equal(byEvent.timeZone, 'UTC')
  t.equal(Date.parse(byEvent.to) - Date.parse(byEvent.from), 27 * DAY, 'four weeks, both days included')

  const byDay = await readFigures(caller(it), { workspace, days: 2 })
  t.equal(
    byDay.lines.reduce((sum, { sent }) => sum + sent, 0),
    215,
  )
  t.match(byDay.lines[0]?.value, /^\d{4}-\d\d-\d\d$/)
  const byKey = await readFigures(caller(it), { workspace, by: 'key' })
  const sentBy = Object.fromEntries(byKey.lines.map(({ name, sent }) => [name, sent]))
  t.match(sentBy, { 'Meta lead id': 215, 'e-mail': 50 + 35 + 15 + 8 })
  const byStage = await readFigures(caller(it), { workspace, by: 'stage' })
  t.match(byStage.lines[0], { value: `${it.connectionId}/raw_lead`, name: 'new lead', sent: 100 })
  t.ok(byStage.lines.some(({ name, sent }) => name === 'customer' && sent === 15))
  t.match((await readFigures(caller(it), { workspace, by: 'dataset' })).lines, [{ name: DATASET, leads: 100, sent: 215 }])
  t.match((await readFigures(caller(it), { workspace, by: 'form' })).lines, [{ value: '', name: 'not known', leads: 100 }])

  const other = await createWorkspace({ db: it.db, actor: 'test' }, 'Somebody else')
  t.match(await readFigures(caller(it), { workspace: other.id }), {
    lines: [],
    total: { leads: 0, sent: 0 },
    coverage: { basis: 'none', share: null },
  })
  await t.rejects(readFigures({ ...caller(it), workspaceId: other.id }, { workspace }), { code: 'workspace_unknown' })
  for (const days of [0, 732, 1.5]) await t.rejects(readFigures(caller(it), { workspace, days }), { code: 'invalid_input' })
})

t.test('leads that Meta told of: coverage is of these, by form and campaign', async (t) => {
  const it = await testApp(t)
  await walk(it)
  // Twenty more came to no CRM; and two forms have names.
  await sql`update lead set captured_at = now(), generated_at = now(), form_id = (id % 2)::text, campaign_id = '9'`.execute(it.db)
  await sql`
    insert into lead (workspace_id, meta_lead_id, learned_at, captured_at, generated_at, form_id, campaign_id, is_test)
    select ${it.workspaceId}, (200000000000000 + n)::text, now(), now(), now(), '0', '9', n > 20 from generate_series(1, 25) n`.execute(
    it.db,
  )
  await sql`insert into meta_name (workspace_id, kind, id, name) values (${it.workspaceId}, 'form', '0', 'Autumn'), (${it.workspaceId}, 'form', '1', 'Spring')`.execute(
    it.db,
  )
  await roll(it.db)
  const byForm = await readFigures(caller(it), { workspace: it.workspaceId, by: 'form' })
  t.match(byForm.coverage, {
    basis: 'captured',
    leads: 120,
    covered: 100,
    text: /Of 120 leads that Meta generated, 100 had an event sent \(83 %\)/,
  })
  t.strictSame(
    byForm.lines.map(({ name, captured, capturedCovered }) => [name, captured, capturedCovered]).sort(),
    [
      ['Autumn', 70, 50],
      ['Spring', 50, 50],
    ],
    'test leads are none',
  )
  t.match((await readFigures(caller(it), { workspace: it.workspaceId, by: 'campaign' })).lines, [{ value: '9', name: '9', leads: 120 }])
})

t.test('which stage suits, once the leads have had 28 days', async (t) => {
  const it = await testApp(t)
  await walk(it)
  await roll(it.db)
  const young = await readStages(caller(it), it.workspaceId)
  t.match(young, { matureLeads: 0, recommended: null, text: /not enough data yet/ })
  t.strictSame(
    young.stages.map(({ eventName }) => eventName),
    ['Raw Lead', 'Marketing Qualified Lead', 'Sales Qualified Lead', 'Sales Opportunity', 'Converted'],
    'in the order of the funnel',
  )

  // Forty days later: half of the deals took a week, and new leads kept coming.
  await sql`update ledger set occurred_at = occurred_at - interval '40 days'`.execute(it.db)
  await sql`update milestone set occurred_at = occurred_at - interval '40 days'`.execute(it.db)
  await sql`update ledger set occurred_at = occurred_at + interval '7 days' where stage_key like '%customer' and lead_id % 2 = 0`.execute(
    it.db,
  )
  await sql`update lead set generated_at = learned_at - interval '40 days', captured_at = now()`.execute(it.db)
  await sql`
    insert into lead (workspace_id, meta_lead_id, learned_at, captured_at, generated_at)
    select ${it.workspaceId}, (300000000000000 + n)::text, at, at, at
    from generate_series(1, 300) n cross join lateral (select now() - make_interval(days => 1 + n % 27) as at) times`.execute(it.db)
  await roll(it.db)
  const ripe = await readStages(caller(it), it.workspaceId)
  t.match(ripe, { matureLeads: 100, recommended: null, closest: 'Converted' })
  t.match(ripe.text, /"Converted" would fit.*Of \d+ leads that Meta generated, 0 had an event sent \(0 %\)/)
  t.match(ripe.stages.at(-1), { eventName: 'Converted', reachedIn28Days: 15, share: 0.15, covered: 15, perMonth: 45 })
  const shares = ripe.stages.map(({ eventName, share }) => [eventName, share])
  t.strictSame(shares, [
    ['Raw Lead', 1],
    ['Marketing Qualified Lead', 0.7],
    ['Sales Qualified Lead', 0.3],
    ['Sales Opportunity', 0],
    ['Converted', 0.15],
  ])
  t.strictSame(
    ripe.stages.find(({ eventName }) => eventName === 'Marketing Qualified Lead')?.conditions.map(({ name, state }) => [name, state]),
    [
      ['conversion', 'not_met'],
      ['time', 'met'],
    ],
  )
  t.strictSame(
    ripe.common.map(({ name, state }) => [name, state]),
    [
      ['coverage', 'not_met'],
      ['volume', 'met'],
      ['stages', 'not_met'],
    ],
  )
})

t.test('the way of a dataset, and who ticked what', async (t) => {
  const it = await testApp(t)
  const states = async () => (await readWay(caller(it), it.workspaceId)).map(({ steps }) => steps.map(({ state }) => state))
  await roll(it.db)
  t.strictSame(await states(), [['next', 'later', 'later', 'later', 'later', 'later']])
  await walk(it)
  await roll(it.db)
  t.strictSame(await states(), [['done', 'next', 'waiting', 'waiting', 'waiting', 'later']])
  t.strictSame(await tickStep(caller(it), { dataset: DATASET, step: 'seen' }), { changed: true })
  t.strictSame(await tickStep({ db: it.db, actor: 'ben' }, { dataset: DATASET, step: 'seen' }), { changed: false })
  const [way] = await readWay(caller(it), it.workspaceId)
  t.match(way, { metaId: DATASET, day: 1 })
  t.match(way?.steps[1], { state: 'done', tick: { by: 'ana', at: Date } })
  t.strictSame(await tickStep(caller(it), { dataset: DATASET, step: 'seen', done: false }), { changed: true })
  t.match((await readWay(caller(it), it.workspaceId))[0]?.steps[1], { state: 'next', tick: null })
  const trail = await it.db.selectFrom('audit').select(['actor', 'action', 'detail']).orderBy('id').execute()
  t.strictSame(
    trail.map(({ actor, action, detail }) => [actor, action, detail]),
    [
      ['ana', 'dataset.tick', { step: 'seen' }],
      ['ana', 'dataset.untick', { step: 'seen' }],
    ],
  )
  await t.rejects(tickStep(caller(it), { dataset: '1234', step: 'seen' }), { code: 'dataset_unknown' })
  await t.rejects(tickStep({ ...caller(it), workspaceId: 999 }, { dataset: DATASET, step: 'seen' }), { code: 'dataset_unknown' })
  await t.rejects(tickStep(caller(it), { dataset: DATASET, step: 'accepted' as 'seen' }), { code: 'invalid_input' })
})
