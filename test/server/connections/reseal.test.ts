/** Keys are rotated while servers work, and an old one can really be taken away afterwards. */
import { sql } from 'kysely'
import t from 'tap'
import { openVault } from '../../../server/connections/open-vault.ts'
import { keysInUse, reseal } from '../../../server/connections/reseal.ts'
import { getSecret, putSecret } from '../../../server/connections/secrets.ts'
import { createVault } from '../../../server/connections/vault.ts'
import { transaction } from '../../../server/database/transaction.ts'
import { insertPackets } from '../../../server/intake/inbox.ts'
import { packChanges, unpackChanges } from '../../../server/intake/packet.ts'
import { keepSample, readSample, wantSample } from '../../../server/intake/sample.ts'
import { until } from '../../support/app.ts'
import { testDatabase } from '../../support/database.ts'

const key = (id: string, byte: number) => ({ id, key: Buffer.alloc(32, byte) })
const k1 = key('k1', 1)
const k2 = key('k2', 2)
const old = createVault([k1])
const both = createVault([k2, k1])
const fresh = createVault([k2])

t.test('secrets, packets and samples open with the new key alone, whatever was added meanwhile', async (t) => {
  const db = await testDatabase(t)
  for (let n = 0; n < 7; n++) await putSecret(db, old, `connection:${n}`, 'grant', `canary ${n}`)
  await putSecret(db, both, 'dataset:1', 'token', 'new already')
  const packets = Array.from({ length: 9 }, (_, n) => packChanges(old.for('packet'), 1, [{ n }], Date.now() + n))
  await insertPackets(db, packets)
  await wantSample(db, 1)
  await keepSample(db, old, 1, { headers: {}, body: Buffer.from('hello') })
  t.same(await keysInUse(db), [
    { id: 'k1', secrets: 7, packets: 9, samples: 1, consents: 0 },
    { id: 'k2', secrets: 1, packets: 0, samples: 0, consents: 0 },
  ])

  const steps: number[] = []
  const changed = 'connection:3'
  const done = await reseal(db, both, {
    batch: 2,
    onProgress: (all) => {
      steps.push(all.reduce((sum, { done }) => sum + done, 0))
    },
  })
  t.same(done, [
    { what: 'secrets', done: 7, failed: 0 },
    { what: 'packets', done: 9, failed: 0 },
    { what: 'samples', done: 1, failed: 0 },
  ])
  t.same(
    steps,
    [...steps].sort((a, b) => a - b),
  )
  t.ok(steps.length > 8, 'in batches')
  t.equal(await getSecret(db, fresh, changed, 'grant'), 'canary 3')
  for (const { id, body } of await db.selectFrom('packet').select(['id', 'body']).orderBy('id').execute())
    t.same(unpackChanges(fresh.for('packet'), { id, body }), [{ n: packets.findIndex((packet) => packet.id === id) }])
  t.equal((await readSample(db, fresh, 1))?.body.toString(), 'hello')
  t.same(await keysInUse(db), [{ id: 'k2', secrets: 8, packets: 9, samples: 1, consents: 0 }])
  t.same(
    (await reseal(db, both)).map(({ done }) => done),
    [0, 0, 0],
    'again: nothing is left to do',
  )
})

t.test('what a server writes between our reading and our writing stays, and stopping loses nothing', async (t) => {
  const db = await testDatabase(t)
  await putSecret(db, old, 'connection:1', 'grant', 'first')
  await putSecret(db, old, 'connection:2', 'grant', 'other')
  const stop = new AbortController()
  const [resealed] = await transaction(db, async (trx) => {
    // A server that has the old key in front yet.
    await putSecret(trx, old, 'connection:1', 'grant', 'second')
    const running = reseal(db, both, { batch: 1, signal: stop.signal, onProgress: () => stop.abort() })
    await until(
      async () =>
        (await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(db)).rows.length >
        0,
    )
    return [running]
  })
  t.match(await resealed, [{ what: 'secrets', done: 0, failed: 0 }])
  t.match(await keysInUse(db), [{ id: 'k1', secrets: 2 }])
  t.match(await reseal(db, both), [{ done: 2 }])
  t.equal(await getSecret(db, fresh, 'connection:1', 'grant'), 'second')
})

t.test('a value that cannot be opened is counted, left, and does not stop the others', async (t) => {
  const db = await testDatabase(t)
  await putSecret(db, createVault([key('lost', 9)]), 'connection:1', 'grant', 'gone')
  await putSecret(db, old, 'connection:2', 'grant', 'here')
  t.match(await reseal(db, both, { batch: 1 }), [{ what: 'secrets', done: 1, failed: 1 }])
  t.match(await keysInUse(db), [{ id: 'k2' }, { id: 'lost', secrets: 1 }])
  await db
    .insertInto('secret')
    .values({ owner: 'x', purpose: 'y', key_id: 'z', sealed: Buffer.of(1, 200, 255) })
    .execute()
  t.match(await keysInUse(db), [{ id: 'k2' }, { id: 'lost' }, { id: null, secrets: 1 }])
})

t.test('tombstones stay valid over a rotation that ends with the old key gone', async (t) => {
  const db = await testDatabase(t)
  const before = createVault([k1]).tombstones('someone')
  const [one, two] = await Promise.all([openVault(db, [k1]), openVault(db, [k1])])
  t.ok(one.tombstones('someone').equals(before), 'what was remembered before the installation had a key of its own')
  t.ok(two.tombstones('someone').equals(before))
  await reseal(db, await openVault(db, [k2, k1]))
  t.ok((await openVault(db, [k2])).tombstones('someone').equals(before))
  await t.rejects(openVault(db, [k1]), { code: 'sealed_unknown_key', userText: /"k2"/ })
})
