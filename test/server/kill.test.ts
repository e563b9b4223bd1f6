/**
 * The server is killed again and again while the CRM sends: nothing that was acknowledged is lost, and nothing is counted
 * twice but what Meta had taken when the process died before it could write that down.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { DATASET, PUBLIC_URL, testApp, until } from '../support/app.ts'
import { counted } from '../support/counted.ts'
import { createFleet } from '../support/fleet.ts'
import { heard } from '../support/heard.ts'
import { count, ledger, tallied } from '../support/look.ts'
import { seeded } from '../support/numbers.ts'

/** `KILLS=200` for the whole proof. */
const KILLS = Number(process.env.KILLS ?? 10)
const STAGES = ['marketingqualifiedlead', 'opportunity', 'customer']

t.test('killed at random instants', async (t) => {
  const { seed, random } = seeded()
  t.comment(`seed ${seed} (SEED=${seed} repeats it)`)
  const it = await testApp(t, { launch: false })
  const server = await createFleet(t, it, random)
  it.hubspot.webhooks({
    targetUrl: `${server.url}/webhooks/hubspot`,
    publicUrl: `${PUBLIC_URL}/webhooks/hubspot`,
    timeoutMs: 1_000,
    windowMs: 10,
    // The 24 hours of the real sender's patience outlast all kills; here it just does not give up.
    retries: 10_000,
    retryEveryMs: 2_000,
  })

  await server.start()

  let leads = 0
  let changes = 0
  let over = false
  const walking = (async () => {
    while (!over) {
      leads += 1
      const { id } = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: String(100_000_000_000_000 + leads) } })
      for (const stage of STAGES) {
        await sleep(1 + random() * 20)
        it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: stage } })
        changes += 1
      }
    }
  })()

  let takenUnseen = 0
  let seen = 0
  let died = 0
  for (let kills = 0; kills < KILLS; kills++) {
    await sleep(50 + random() * 1_000)
    await server.kill()
    died = Date.now()
    await heard(it.meta)
    // What Meta took since the last death and our books do not know: it is sent again, the one double that a death can cause.
    const events = it.meta.events()
    const pending = new Set((await ledger(it.db)).flatMap(({ outcome, eventId }) => (outcome === 'pending' ? eventId : [])))
    takenUnseen += events.slice(seen).filter(({ eventId }) => pending.has(eventId ?? '')).length
    seen = events.length
    await server.start()
  }
  await until(() => it.meta.events().length > seen)
  const recoveryMs = [Date.now() - died]
  over = true
  await walking
  const stats = await it.hubspot.idle()
  await until(async () => (await count(it.db, 'packet')) + (await count(it.db, 'outbox')) === 0, 120_000)

  t.equal(stats.failed, 0, 'the CRM has given nothing up')
  const lines = await ledger(it.db)
  const reached = lines.filter(({ stage }) => stage !== 'raw_lead').map(({ recordId, stage }) => `${recordId} ${stage}`)
  t.equal(reached.length, changes, 'every change is in the ledger')
  t.equal(new Set(reached).size, changes, 'once')
  t.strictSame([...new Set(lines.map(({ outcome }) => outcome))], ['sent'])
  const summary = it.meta.summary().datasets[DATASET]
  t.match(summary, { distinct: changes + leads, distinctEventIds: changes + leads })
  const doubled = summary?.doubled ?? 0
  t.equal(doubled, summary?.doubledById, 'a double has the id of the first')
  const told = (await tallied(it.db, 'possible_doubles.timeout')) + (await tallied(it.db, 'possible_doubles.short_count'))
  t.ok(doubled <= takenUnseen + told, `${doubled} doubled, ${takenUnseen} taken unseen, ${told} counted`)
  const note = `leads ${leads}, requests repeated by the CRM ${stats.retried}, taken unseen ${takenUnseen}`
  const eventsOut = summary?.distinct ?? 0
  counted(t, [1, 2, 5], {
    ...{ kills: KILLS, restarts: KILLS, eventsIn: changes, eventsOut, lost: changes + leads - eventsOut, doubled, recoveryMs, note },
  })
  t.strictSame(server.complaints(), [])
})
