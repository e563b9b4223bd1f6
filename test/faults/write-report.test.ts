import t from 'tap'
import { readPromises } from './promises.ts'
import { type Ran, writeReport } from './write-report.ts'

t.test('every promise has proofs, and each of them is there', async (t) => {
  const promises = readPromises()
  t.same(
    promises.map(({ number }) => number),
    Array.from({ length: 22 }, (_, n) => n + 1),
  )
  for (const { title, proofs, missing } of promises) t.ok(proofs.length > 0 || missing !== undefined, title)
})

t.test('the report adds up what was counted, by promise and mode', async (t) => {
  const held = { passed: 2, failed: 0, fuzzed: 0, seconds: 1 }
  const ran: Ran = {
    'in-process': new Map([
      ['test/a.test.ts', held],
      ['test/b.test.ts', { ...held, failed: 1, fuzzed: 40 }],
    ]),
    redis: new Map([['test/a.test.ts', held]]),
  }
  const promises = [
    { number: 1, title: 'Nothing is lost', proofs: ['test/a.test.ts', 'test/b.test.ts', 'test/c.test.ts'] },
    { number: 2, title: 'Nothing is there', proofs: [], missing: 'streets: not built yet' },
  ]
  const one = { promises: [1], mode: 'in-process' as const, proof: 'a.test.ts' }
  const report = writeReport(promises, ran, [
    { ...one, counts: { kills: 3, eventsIn: 10, eventsOut: 12, lost: 0, recoveryMs: [500, 4_000] } },
    { ...one, counts: { kills: 2, eventsIn: 5, runs: 7, recoveryMs: [1_000], note: 'leads 2' } },
  ])
  const cells = report.split('\n').map((line) => line.trim().split(/ {2,}/))
  t.same(cells[1], ['1 Nothing is lost', 'in-process', '1/2', '8', '5', '–', '15', '12', '0', '–', '1.0 s, at most 4.0 s'])
  t.same(cells[2], ['redis', '1/1', '–', '–', '–', '–', '–', '–', '–', '–'])
  t.same(cells[3], ['npm test', '1', '–', '–', '–', '–', '–', '–', '–', '–'])
  for (const told of ['a.test.ts, in-process: leads 2', 'test/b.test.ts: 40 runs', '2: streets: not built yet'])
    t.ok(report.includes(told), told)
})
