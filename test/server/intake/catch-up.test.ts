/** What webhooks did not tell comes in from the CRM's history: every stage once, with its exact time. */
import { sql } from 'kysely'
import t from 'tap'
import { checkWork } from '../../../server/command-line/check-work.ts'
import { storeGrant } from '../../../server/connections/grants.ts'
import { catchUpSoon, readHistoryCursor } from '../../../server/intake/history-cursor.ts'
import { pauseConnection, resumeConnection } from '../../../server/settings/connections.ts'
import { removeConnection } from '../../../server/settings/remove-connection.ts'
import { allScopes } from '../../simulators/hubspot/start-hubspot.ts'
import { DATASET, PORTAL, type TestApp, testApp, until } from '../../support/app.ts'
import { createDoor } from '../../support/door.ts'
import { count, ledger, missingUntil, story } from '../../support/look.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { sent, sentOf, silence } from '../resolve/sharing.ts'

/** Contacts of an import; `IMPORT=100000` for a large one. */
const IMPORT = Number(process.env.IMPORT ?? 2_000)
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const SEARCH = '/search'

/** The connection was made so long ago; nothing was read since. A reading that is under way would bring back what it knew: it ends first. */
async function connectedSince(it: TestApp, ms: number): Promise<void> {
  await until(async () => !(await cursor(it)).due)
  const since = new Date(Date.now() - ms)
  await it.db.updateTable('connection').set({ created_at: since }).execute()
  await it.db.updateTable('cursor').set({ covered_until: since, position: null }).execute()
}

const cursor = async (it: TestApp) =>
  (await readHistoryCursor(it.db, it.connectionId)) as NonNullable<Awaited<ReturnType<typeof readHistoryCursor>>>

/** Has the history read and waits for all that comes of it. */
async function caughtUp(it: TestApp): Promise<void> {
  await catchUpSoon(it.db)
  await until(async () => {
    const { due, coveredUntil } = await cursor(it)
    const isCovered = coveredUntil > Date.now() - 5 * MINUTE
    // Put off by a look at the history that had begun before.
    if (!due && !isCovered) await catchUpSoon(it.db)
    return !due && isCovered
  })
  await it.settled()
}

const seconds = (at: number) => Math.floor(at / 1000)
const timesOf = (it: TestApp, leadId: string) =>
  it.meta.events({ dataset: DATASET }).flatMap((event) => (event.leadId === leadId ? [[event.eventName, event.eventTime]] : []))

t.test('after days of lost webhooks every stage arrives once, with its time, and reading again adds nothing', async (t) => {
  const it = await testApp(t)
  await connectedSince(it, 3 * DAY)
  it.hubspot.webhooks({ lossRate: 1 })
  const from = Date.now() - 3 * DAY + MINUTE
  const stages = ['lead', 'marketingqualifiedlead', 'opportunity', 'customer']
  const leads = Array.from({ length: 30 }, (_, n) => {
    const at = from + n * 60 * MINUTE + n
    const meta_lead_id = String(100_000_000_000_000 + n)
    const { id } = it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'lead', meta_lead_id } })
    for (const [index, lifecyclestage] of stages.entries())
      if (index > 0) it.hubspot.change({ type: 'contact', id, at: at + index * 7 * 60 * MINUTE, properties: { lifecyclestage } })
    return { meta_lead_id, at }
  })
  await caughtUp(it)
  t.match(it.meta.summary().datasets[DATASET], { received: 120, distinct: 120, doubled: 0, leads: 30 })
  for (const { meta_lead_id, at } of leads)
    t.strictSame(
      timesOf(it, meta_lead_id),
      ['Raw Lead', 'Marketing Qualified Lead', 'Sales Opportunity', 'Converted'].map((name, index) => [
        name,
        seconds(at + index * 7 * 60 * MINUTE),
      ]),
    )
  const { coveredUntil } = await cursor(it)
  t.ok(coveredUntil > Date.now() - 5 * MINUTE && coveredUntil <= Date.now() - 2 * MINUTE, 'up to now, but for the lag of the search')

  await connectedSince(it, 3 * DAY)
  await caughtUp(it)
  t.equal(it.meta.summary().datasets[DATASET]?.received, 120)
  t.equal(new Set((await ledger(it.db)).map(({ eventId }) => eventId)).size, (await ledger(it.db)).length)
})

t.test('what was told and what is read of one change are one, though their clocks differ', async (t) => {
  const it = await testApp(t, { rules: { repeats: true, backward: true } })
  await connectedSince(it, DAY)
  silence(it)
  const at = Date.now() - 60 * MINUTE
  const { id } = it.hubspot.create({ type: 'contact', at, properties: { meta_lead_id: '123456789012345' } })
  await post(it.url, [stageEvent(id, 'salesqualifiedlead', { occurredAt: at + 60 })])
  await it.settled()
  // Set, cleared and set again within seconds; then once more, which nobody tells.
  for (const [value, ms] of [
    ['opportunity', 1_000],
    ['', 1_500],
    ['opportunity', 2_000],
    ['customer', 60_000],
    ['', 61_000],
    ['opportunity', 62_000],
  ] as const)
    it.hubspot.change({ type: 'contact', id, at: at + ms, properties: { lifecyclestage: value } })
  await post(it.url, [
    stageEvent(id, 'opportunity', { occurredAt: at + 1_400 }),
    stageEvent(id, 'opportunity', { occurredAt: at + 2_000 }),
    stageEvent(id, 'customer', { occurredAt: at + 58_000 }),
  ])
  await it.settled()
  await caughtUp(it)
  await connectedSince(it, DAY)
  await caughtUp(it)
  const reached = (await ledger(it.db, id)).map(({ stage, occurredAt, detail }) => [
    stage.split('/').at(-1),
    occurredAt - at,
    detail.origin ?? 'push',
  ])
  t.strictSame(reached, [
    ['raw_lead', 0, 'push'],
    ['salesqualifiedlead', 60, 'push'],
    ['opportunity', 1_400, 'push'],
    ['opportunity', 2_000, 'push'],
    ['customer', 58_000, 'push'],
    ['opportunity', 62_000, 'history'],
  ])
  t.equal(sentOf(it, '123456789012345').length, 6)
})

t.test('an import is read in over a restart, page by page, and nothing twice', async (t) => {
  const it = await testApp(t)
  it.hubspot.webhooks({ lossRate: 1 })
  const at = Date.now() - DAY
  for (let n = 0; n < IMPORT; n++)
    it.hubspot.create({
      type: 'contact',
      at: at + n,
      properties: { lifecyclestage: 'customer', meta_lead_id: String(100_000_000_000_000 + n) },
    })
  await connectedSince(it, 2 * DAY)
  // So that it can be caught in the middle.
  it.hubspot.misbehave({ how: 'slow', path: SEARCH, delayMs: 200, times: 0 })
  await catchUpSoon(it.db)
  await until(async () => (await cursor(it)).reading?.next !== undefined)
  await it.restart()
  it.hubspot.webhooks({ lossRate: 1 })
  const again = await cursor(it)
  t.ok(again.reading?.next, 'it stopped in the middle')
  await until(async () => !(await cursor(it)).due, 30 * IMPORT + 60_000)
  await until(() => it.meta.summary().datasets[DATASET]?.received === 2 * IMPORT, 30 * IMPORT + 60_000)
  await it.settled()
  t.match(it.meta.summary().datasets[DATASET], { received: 2 * IMPORT, distinct: 2 * IMPORT, doubled: 0, leads: IMPORT })
  const searches = it.hubspot.requests().filter(({ path }) => path.endsWith('/contacts/search'))
  t.ok(searches.length <= 13, `pages are not read again: ${searches.length} searches`)
})

t.test('passing trouble of the CRM is waited out, and nothing is lost', async (t) => {
  const troubles = [{ status: 423 }, { status: 429 }, { status: 477, retryAfter: 1 }, { status: 500 }]
  await Promise.all(
    troubles.map(async ({ status, ...more }) => {
      const it = await testApp(t)
      await connectedSince(it, DAY)
      it.hubspot.webhooks({ lossRate: 1 })
      const at = Date.now() - 60 * MINUTE
      it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } })
      it.hubspot.fail({ status, path: SEARCH, times: 0, ...more })
      await catchUpSoon(it.db)
      await until(() => it.hubspot.requests().some((request) => request.path.endsWith(SEARCH) && request.status === status))
      it.hubspot.behave()
      await until(async () => {
        // Only what was put off: whoever asks while it is being read has it read again.
        if (!(await cursor(it)).due) await catchUpSoon(it.db)
        return timesOf(it, '123456789012345').length === 2
      }, 60_000)
      t.strictSame(
        timesOf(it, '123456789012345'),
        [
          ['Raw Lead', seconds(at)],
          ['Converted', seconds(at)],
        ],
        String(status),
      )
    }),
  )
})

t.test('a permission that was taken away is told, and what happened meanwhile is read when it is back', async (t) => {
  const it = await testApp(t)
  await connectedSince(it, DAY)
  it.hubspot.webhooks({ lossRate: 1 })
  const grant = async (scopes: string[], refreshToken: string) => {
    it.hubspot.setScopes({ portalId: PORTAL, scopes })
    it.hubspot.install({ portalId: PORTAL, refreshToken, scopes })
    await storeGrant(it.db, it.vault, it.connectionId, {
      ...{ accessToken: '', refreshToken, expiresAt: 0, grantedAt: 0, account: String(PORTAL), scopes },
    })
  }
  await grant(
    allScopes.filter((scope) => scope !== 'crm.objects.contacts.read'),
    'without',
  )
  const at = Date.now() - 60 * MINUTE
  it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } })
  const notice = () => it.db.selectFrom('notice').select(['text', 'closed_at']).where('code', '=', 'catch_up').executeTakeFirst()
  await catchUpSoon(it.db)
  await until(async () => (await notice()) !== undefined)
  t.match((await notice())?.text, /crm\.objects\.contacts\.read/)
  t.ok((await cursor(it)).coveredUntil < at)
  const told = (await checkWork(it.db)).find(({ text }) => text.includes('Covered until'))
  t.match(told, { name: `connection ${it.connectionId}`, status: 'warning' })

  await grant(allScopes, 'with-it-again')
  await until(() => sent(it).length === 2)
  await until(async () => (await notice())?.closed_at instanceof Date)
})

t.test('an app that was uninstalled, which HubSpot tells nobody, is found by the routine', async (t) => {
  const it = await testApp(t)
  await connectedSince(it, DAY)
  it.hubspot.uninstall({})
  await catchUpSoon(it.db)
  const connection = () => it.db.selectFrom('connection').select(['state', 'state_reason']).executeTakeFirst()
  await until(async () => (await connection())?.state === 'attention')
  t.match(await connection(), { state_reason: 'reconnect' })
  const notices = await it.db.selectFrom('notice').select('text').where('code', '=', 'reconnect').execute()
  t.match(notices, [{ text: /uninstalled or disconnected. Connect the account again/ }])
})

t.test('merges, deletions and late lead ids that nobody told of are followed', async (t) => {
  const it = await testApp(t)
  await connectedSince(it, DAY)
  it.hubspot.webhooks({ lossRate: 1 })
  const at = Date.now() - 120 * MINUTE
  const contact = (n: number, properties: Record<string, string>) => it.hubspot.create({ type: 'contact', at: at + n, properties }).id
  const kept = contact(1, { lifecyclestage: 'lead', meta_lead_id: '111111111111111' })
  const gone = contact(2, { lifecyclestage: 'opportunity' })
  const deleted = contact(3, { lifecyclestage: 'customer', meta_lead_id: '333333333333333' })
  const late = contact(4, { lifecyclestage: 'lead' })
  it.hubspot.merge({ type: 'contact', primaryId: kept, otherIds: [gone], at: at + 10 * MINUTE })
  it.hubspot.remove({ type: 'contact', id: deleted, at: at + 11 * MINUTE })
  await caughtUp(it)
  t.strictSame(sentOf(it, '111111111111111').sort(), ['Raw Lead', 'Sales Opportunity'])
  t.strictSame(sentOf(it, '333333333333333'), [], 'the CRM no longer shows it')
  t.strictSame(await story(it.db, late), ['lead waiting waiting_for_lead'])
  t.match(await it.db.selectFrom('record').select('state').where('record_id', '=', gone).execute(), [{ state: 'gone' }])

  it.hubspot.change({ type: 'contact', id: late, at: at + 100 * MINUTE, properties: { meta_lead_id: '444444444444444' } })
  await connectedSince(it, 30 * MINUTE)
  await caughtUp(it)
  t.strictSame(timesOf(it, '444444444444444'), [['Raw Lead', seconds(at + 4)]])
})

t.test('the history is read at the start, after a pause and after a new grant, else at the connection’s interval', async (t) => {
  const it = await testApp(t, { env: { CATCH_UP_MINUTES: '60' } })
  await connectedSince(it, DAY)
  const due = async () => (await cursor(it)).due
  const done = () => until(async () => !(await due()))
  await catchUpSoon(it.db)
  await done()
  const inMinutes = async () => Math.round((((await cursor(it)).dueAt as number) - Date.now()) / MINUTE)
  t.equal(await inMinutes(), 60)
  await it.db.updateTable('connection').set({ catch_up_minutes: 15 }).execute()
  const caller = { db: it.db, actor: 'test' }
  const covered = async () => (await cursor(it)).coveredUntil
  for (const occasion of [
    () => it.restart(),
    async () => {
      await pauseConnection(caller, it.connectionId)
      await resumeConnection(caller, it.connectionId)
    },
  ]) {
    await connectedSince(it, DAY)
    const before = await covered()
    await occasion()
    await until(async () => (await covered()) > before)
    await done()
    t.equal(await inMinutes(), 15)
  }

  await pauseConnection(caller, it.connectionId)
  await catchUpSoon(it.db)
  it.hubspot.reset()
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  t.equal(it.hubspot.requests().length, 0, 'a paused connection is left alone')
})

t.test('one that was just connected is not asked for what was before', async (t) => {
  const it = await testApp(t)
  it.hubspot.create({ type: 'contact', at: Date.now() - DAY, properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } })
  silence(it)
  await it.settled()
  it.hubspot.reset()
  await caughtUp(it)
  t.equal(it.hubspot.requests().length, 0)
  const { rows } = await sql<{ from: Date }>`select covered_until as "from" from cursor where channel = 'history'`.execute(it.db)
  t.ok(rows[0] && rows[0].from.getTime() > Date.now() - MINUTE)
})

t.test('the routine asks nothing about records whose stages were all told', async (t) => {
  const it = await testApp(t, { env: { IDENTITY_TTL_SECONDS: '0' } })
  const at = Date.now() - 60 * MINUTE
  const lookups = () =>
    it.hubspot.requests().flatMap(({ path, body }) => {
      const { inputs, properties } = path.endsWith('/contacts/batch/read') ? JSON.parse(body) : { inputs: [], properties: [] }
      return properties.includes('email') ? inputs.map(({ id }: { id: string }) => id) : []
    })
  const ids = Array.from(
    { length: 20 },
    (_, n) =>
      it.hubspot.create({ type: 'contact', at: at + n, properties: { lifecyclestage: 'lead', meta_lead_id: `1234567890123${10 + n}` } }).id,
  )
  await it.settled()
  t.equal(new Set(lookups()).size, 20)
  it.hubspot.webhooks({ lossRate: 1 })
  it.hubspot.change({ type: 'contact', id: ids[3] as string, at: at + MINUTE, properties: { lifecyclestage: 'customer' } })
  it.hubspot.reset()
  await connectedSince(it, DAY)
  await caughtUp(it)
  t.strictSame(lookups(), [ids[3]])
  t.strictSame(sentOf(it, '123456789012313'), ['Raw Lead', 'Converted'])
  await connectedSince(it, DAY)
  await caughtUp(it)
  t.strictSame(lookups(), [ids[3]], 'from now on that one is known, too')
  t.equal(it.meta.summary().datasets[DATASET]?.received, 21)
})

t.test('half of the webhooks lost, others doubled and shuffled, the history read meanwhile: each stage once, at its time', async (t) => {
  const it = await testApp(t, { hubspot: { webhooks: { lossRate: 0.5, duplicateRate: 0.2, reissueRate: 0.2, shuffle: true } } })
  await connectedSince(it, DAY)
  const at = Date.now() - 5 * 60 * MINUTE
  const stages = ['lead', 'marketingqualifiedlead', 'salesqualifiedlead', 'opportunity', 'customer']
  for (let n = 0; n < 200; n++) {
    const start = at + n * 997
    const meta_lead_id = String(100_000_000_000_000 + n)
    const { id } = it.hubspot.create({ type: 'contact', at: start, properties: { lifecyclestage: 'lead', meta_lead_id } })
    for (const [index, lifecyclestage] of stages.entries())
      if (index > 0) it.hubspot.change({ type: 'contact', id, at: start + index * MINUTE, properties: { lifecyclestage } })
    if (n % 50 === 25) {
      await catchUpSoon(it.db)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  await it.hubspot.idle()
  await connectedSince(it, DAY)
  await caughtUp(it)
  const summary = it.meta.summary().datasets[DATASET]
  t.match(summary, { received: 1_000, distinct: 1_000, doubled: 0, leads: 200 })
  const wrong = Array.from({ length: 200 }, (_, n) => n).filter((n) => {
    const times = timesOf(it, String(100_000_000_000_000 + n)).map(([, time]) => time as number)
    const right = stages.map((_, index) => seconds(at + n * 997 + index * MINUTE))
    return times.toSorted((a, b) => a - b).join() !== right.join()
  })
  t.strictSame(wrong, [])
})

t.test('two processes read one history once between them', async (t) => {
  const it = await testApp(t)
  it.hubspot.webhooks({ lossRate: 1 })
  await it.another()
  const at = Date.now() - DAY
  for (let n = 0; n < 900; n++)
    it.hubspot.create({
      type: 'contact',
      at: at + n,
      properties: { lifecyclestage: 'customer', meta_lead_id: String(100_000_000_000_000 + n) },
    })
  await connectedSince(it, 2 * DAY)
  await caughtUp(it)
  t.match(it.meta.summary().datasets[DATASET], { received: 1_800, distinct: 1_800, doubled: 0 })
  const pages = it.hubspot.requests().flatMap(({ path, body }) => (path.endsWith('/contacts/search') ? [body] : []))
  t.equal(new Set(pages).size, pages.length)
})

t.test('a page that comes after the connection was removed is dropped', async (t) => {
  const it = await testApp(t)
  it.hubspot.webhooks({ lossRate: 1 })
  const at = Date.now() - 60 * MINUTE
  it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } })
  await connectedSince(it, DAY)
  const door = createDoor()
  it.hubspot.misbehave({ how: 'slow', held: door.pass, path: '/contacts/batch/read' })
  await catchUpSoon(it.db)
  await door.came
  await removeConnection({ db: it.db, actor: 'test' }, it.connectionId, it.vault)
  door.open()
  // Lets what is under way finish.
  await it.restart()
  t.equal(await count(it.db, 'packet'), 0)
  t.equal(it.meta.events().length, 0)
})

t.test('what is known to be missing and too young to be read now is read as soon as it is old enough', async (t) => {
  const it = await testApp(t, { env: { CATCH_UP_MINUTES: '60' } })
  // The cursor is there from the first look at it.
  await cursor(it)
  await connectedSince(it, DAY)
  await sql`update cursor set wanted_until = now() where channel = 'history'`.execute(it.db)
  const asked = Date.now()
  await caughtUp(it)
  const { dueAt = 0, coveredUntil } = await cursor(it)
  t.ok(dueAt > asked + MINUTE && dueAt < asked + 3 * MINUTE)
  await sql`update cursor set wanted_until = ${new Date(coveredUntil - MINUTE)} where channel = 'history'`.execute(it.db)
  await connectedSince(it, DAY)
  await caughtUp(it)
  const after = await cursor(it)
  t.ok((after.dueAt ?? 0) > asked + 50 * MINUTE, 'what was read is missing no more')
  t.equal(await missingUntil(it.db, it.connectionId), 0, 'and nobody is told that it is')
})

/** Has the history read; comes back while the CRM is being asked, and what it answers waits at the door. */
async function whileItIsRead(it: TestApp) {
  await connectedSince(it, 2 * DAY)
  await it.db
    .updateTable('cursor')
    .set({ covered_until: new Date(Date.now() - 60 * MINUTE) })
    .execute()
  const door = createDoor()
  it.hubspot.misbehave({ how: 'slow', held: door.pass, path: SEARCH })
  await catchUpSoon(it.db)
  await door.came
  return door
}

t.test('the history that is asked for while it is being read is read again at once', async (t) => {
  const it = await testApp(t, { env: { CATCH_UP_MINUTES: '60' } })
  const door = await whileItIsRead(it)
  const asked = Date.now()
  await catchUpSoon(it.db)
  door.open()
  await until(async () => (await cursor(it)).coveredUntil >= asked - 2 * MINUTE)
  t.ok(((await cursor(it)).dueAt ?? 0) > asked + 50 * MINUTE)
})

t.test('what has to be read from further back is, though a later part is just being read', async (t) => {
  const it = await testApp(t, { env: { CATCH_UP_MINUTES: '60' } })
  it.hubspot.webhooks({ lossRate: 1 })
  const lost = { lifecyclestage: 'lead', meta_lead_id: '123456789012345' }
  it.hubspot.create({ type: 'contact', at: Date.now() - DAY, properties: lost })
  const door = await whileItIsRead(it)
  const back = new Date(Date.now() - 2 * DAY)
  await sql`update cursor set position = null, due_at = '-infinity', covered_until = ${back} where channel = 'history'`.execute(it.db)
  door.open()
  await until(() => sent(it).length === 1)
  t.strictSame(sent(it), [['Raw Lead', '123456789012345']])
})
