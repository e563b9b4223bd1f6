import t from 'tap'
import type { StageChange } from '../../../server/resolve/gather.ts'
import { dropRepeats, forgetRepeats } from '../../../server/resolve/repeats.ts'
import { testDatabase } from '../../support/database.ts'

const MINUTE = 60_000
const at = Date.now()
const change = (receivedAt: number, more: Partial<StageChange> = {}): StageChange => ({
  ...{ ref: { type: 'record', id: '1' }, stage: { source: 'stage', stageId: 'qualified' }, occurredAt: receivedAt, receivedAt },
  ...{ occurredAtSource: 'received', origin: 'push', exact: true },
  ...more,
})

t.test('without time and id, the same stage of a record within ten minutes is the same change', async (t) => {
  const db = await testDatabase(t)
  const kept = async (...changes: StageChange[]) => (await dropRepeats(db, 1, changes)).map(({ receivedAt }) => (receivedAt - at) / MINUTE)
  t.same(await kept(change(at), change(at + MINUTE), change(at + 10 * MINUTE)), [0, 10], 'in one run')
  t.same(await kept(change(at), change(at + 19.9 * MINUTE)), [0], 'in another run, by the last one that counted')
  t.same(await kept(change(at + 30 * MINUTE)), [30])
  const other = { ref: { type: 'record', id: '2' } }
  t.same(await kept(change(at, other), change(at, { stage: { source: 'stage', stageId: 'won' } })), [0, 0], 'another record, another stage')
  t.equal((await dropRepeats(db, 2, [change(at)])).length, 1, 'another connection')
})

t.test('an id makes it the same change at any time, and a time of its own needs no memory', async (t) => {
  const db = await testDatabase(t)
  const count = async (...changes: StageChange[]) => (await dropRepeats(db, 1, changes)).length
  t.equal(await count(change(at, { changeId: 'e1' }), change(at, { changeId: 'e2' }), change(at + MINUTE, { changeId: 'e1' })), 2)
  t.equal(await count(change(at + 60 * 24 * MINUTE, { changeId: 'e1' })), 0)
  t.equal(
    await count(change(at, { changeId: 'e1', stage: { source: 'stage', stageId: 'won' } })),
    1,
    'an id used for two stages costs none',
  )
  t.equal(await count(change(at, { occurredAtSource: 'field' }), change(at, { occurredAtSource: 'field' })), 2, 'the ledger knows those')
})

t.test('a change whose transaction was undone is no repeat of itself; old ones are forgotten', async (t) => {
  const db = await testDatabase(t)
  await t.rejects(
    db.transaction().execute(async (trx) => {
      t.equal((await dropRepeats(trx, 1, [change(at)])).length, 1)
      throw new Error('undone')
    }),
  )
  t.equal((await dropRepeats(db, 1, [change(at), change(at - 91 * 24 * 60 * MINUTE, { changeId: 'old' })])).length, 2)
  await forgetRepeats(db, 90)
  t.equal((await dropRepeats(db, 1, [change(at), change(at, { changeId: 'old' })])).length, 1)
})
