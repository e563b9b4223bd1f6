/** An event that Meta refuses blocks nobody: it is found by halving, and everyone else is delivered. */
import t from 'tap'
import { DATASET, testApp } from '../../support/app.ts'
import { ledger } from '../../support/look.ts'
import { outcomes, report } from './sharing.ts'

/** Halving finds one bad event of n with at most two requests a level, and the first. */
const bound = (n: number) => 2 * Math.ceil(Math.log2(n)) + 1

for (const [n, at] of [
  [1, 0],
  [2, 1],
  [8, 0],
  [8, 5],
  [8, 7],
  [100, 0],
  [100, 37],
  [100, 99],
] as const)
  t.test(`one bad event at place ${at} of ${n}`, async (t) => {
    const it = await testApp(t)
    // The stand-in refuses by lead id, which is known only once the leads are made: it is the next one but `at`.
    const [probe] = await report(it, 1)
    await it.settled()
    const bad = String(BigInt(probe as string) + 1n + BigInt(at))
    it.meta.reset()
    it.meta.poison({ leadId: bad, title: 'The lead is not one of ours' })
    const leads = await report(it, n)
    await it.settled()
    t.equal(leads[at], bad)
    t.strictSame(
      it.meta.events().map(({ leadId }) => leadId),
      leads.toSpliced(at, 1),
      'all others, in the order of their time',
    )
    t.equal(it.meta.summary().datasets[DATASET]?.doubled ?? 0, 0)
    t.strictSame(await outcomes(it, it), { sent: n, ...{ rejected: 1 } })
    const requests = it.meta.requests()
    t.ok(requests.length <= bound(n), `${requests.length} requests, at most ${bound(n)}`)
    const refused = (await ledger(it.db)).find(({ outcome }) => outcome === 'rejected')
    t.equal(refused?.reason, 'rejected_by_meta')
    t.match(JSON.stringify(refused?.detail), /The lead is not one of ours/)
    const ids = new Set((await ledger(it.db)).map(({ eventId }) => eventId))
    t.ok(
      requests.every(({ eventIds }) => eventIds.every((id) => ids.has(String(id)))),
      'every attempt has the ids of the ledger',
    )
    const [first] = requests
    t.equal(first?.events, n)
    t.equal(new Set(requests.flatMap(({ eventIds }) => eventIds)).size, n, 'no event ever got another id')
  })

t.test('several bad events in a batch', async (t) => {
  const it = await testApp(t)
  const [probe] = await report(it, 1)
  await it.settled()
  const bad = [3n, 4n, 40n, 77n].map((place) => String(BigInt(probe as string) + 1n + place))
  for (const leadId of bad) it.meta.poison({ leadId, code: 100, subcode: 2804050 })
  const leads = await report(it, 100)
  await it.settled()
  t.equal(it.meta.events().length, 1 + leads.length - bad.length)
  t.strictSame(await outcomes(it, it), { sent: 97, rejected: 4 })
})
