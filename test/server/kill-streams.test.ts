/**
 * Processes that follow the same orgs are killed again and again while these send: each org gets another runner, nothing is
 * lost, and nothing is counted twice but what Meta had taken when a process died before it could write that down.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { testApp, until } from '../support/app.ts'
import { counted } from '../support/counted.ts'
import { heard } from '../support/heard.ts'
import { count, ledger, tallied } from '../support/look.ts'
import { seeded } from '../support/numbers.ts'
import { addOrg, followed, salesforceEnv } from '../support/salesforce.ts'
import { serverProcess } from '../support/server-process.ts'

const TOKEN = 'EAAtesttoken000000000000000000000'

t.test('killed at random instants, one of two', async (t) => {
  const { seed, random } = seeded()
  t.comment(`seed ${seed} (SEED=${seed} repeats it)`)
  const it = await testApp(t, { launch: false, salesforce: {} })
  const orgs: { orgId: string; connectionId: number; dataset: string }[] = []
  for (let n = 0; n < 4; n++) {
    const dataset = `71000000000000${n}`
    orgs.push({ ...(await addOrg(it, { dataset, token: `${TOKEN}${n}` })), dataset })
  }
  const one = await serverProcess(t, it, () => salesforceEnv(it.salesforce))
  const two = await serverProcess(t, it, () => salesforceEnv(it.salesforce))
  await Promise.all([one.start(), two.start()])
  await Promise.all(orgs.map(({ orgId }) => followed(it, orgId)))

  let leads = 0
  let changes = 0
  let over = false
  const walking = Promise.all(
    orgs.map(async ({ orgId }) => {
      while (!over) {
        const Meta_Lead_ID__c = String(100_000_000_000_000 + ++leads)
        const [Id] = it.salesforce.insert({ orgId, object: 'Lead', records: [{ LastName: 'Doe', Company: 'Acme', Meta_Lead_ID__c }] })
          .ids as [string]
        changes += 2
        await sleep(1_000 + random() * 50)
        it.salesforce.update({ orgId, object: 'Lead', records: [{ Id, Status: 'Working - Contacted' }] })
      }
    }),
  )
  let takenUnseen = 0
  const recoveryMs: number[] = []
  let seen = 0
  for (const victim of [one, two, one]) {
    await sleep(500 + random() * 2_000)
    await victim.kill()
    await heard(it.meta)
    const events = it.meta.events()
    const pending = new Set((await ledger(it.db)).flatMap(({ outcome, eventId }) => (outcome === 'pending' ? eventId : [])))
    takenUnseen += events.slice(seen).filter(({ eventId }) => pending.has(eventId ?? '')).length
    seen = events.length
    const died = Date.now()
    await Promise.all(orgs.map(({ orgId }) => followed(it, orgId)))
    recoveryMs.push(Date.now() - died)
    await victim.start()
  }
  over = true
  await walking
  const reachedStages = async () =>
    (await ledger(it.db)).filter(({ stage }) => stage !== 'raw_lead').map(({ recordId, stage }) => `${recordId} ${stage}`)
  await until(
    async () => (await reachedStages()).length >= changes && (await count(it.db, 'packet')) + (await count(it.db, 'outbox')) === 0,
    120_000,
  )
  const reached = await reachedStages()
  t.equal(reached.length, changes, 'every change is in the ledger')
  t.equal(new Set(reached).size, changes, 'once')
  const datasets = Object.values(it.meta.summary().datasets)
  const sum = (of: (dataset: (typeof datasets)[number]) => number) => datasets.reduce((total, dataset) => total + of(dataset), 0)
  t.equal(
    sum(({ distinct }) => distinct),
    2 * leads,
  )
  const told = await tallied(it.db, 'possible_doubles.timeout')
  t.ok(sum(({ doubled }) => doubled) <= takenUnseen + told, 'only what Meta took of a process that died before it knew, or was told of')
  const [eventsOut, doubled] = [sum(({ distinct }) => distinct), sum((dataset) => dataset.doubled)]
  const note = `orgs ${orgs.length}, leads ${leads}, taken unseen ${takenUnseen}, ${told} counted`
  counted(t, [1, 2], { kills: 3, restarts: 3, eventsIn: changes, eventsOut, lost: 2 * leads - eventsOut, doubled, recoveryMs, note })
  t.strictSame([...one.complaints(), ...two.complaints()], [])
})
