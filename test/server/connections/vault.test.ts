import t from 'tap'
import { createVault, type EncryptionKey, firstTombstoneKey, sealedWith } from '../../../server/connections/vault.ts'

const k1: EncryptionKey = { id: 'k1', key: Buffer.alloc(32, 1) }
const k2: EncryptionKey = { id: 'k2', key: Buffer.alloc(32, 2) }
const plain = Buffer.from('a secret worth keeping')

t.test('what was sealed opens again, and looks different each time', async (t) => {
  const sealer = createVault([k1]).for('packet')
  for (const data of [plain, Buffer.alloc(0), Buffer.alloc(1_000_000, 3)])
    t.ok(sealer.open(sealer.seal(data, 'row 1'), 'row 1').equals(data))
  const sealed = Array.from({ length: 2_000 }, () => sealer.seal(plain, 'row 1').toString('hex'))
  t.equal(new Set(sealed).size, 2_000)
  t.notMatch(sealed[0], plain.toString('hex'))
})

t.test('another context, another purpose or another vault opens nothing', async (t) => {
  const vault = createVault([k1])
  const sealed = vault.for('packet').seal(plain, 'row 1')
  const damaged = { code: 'sealed_damaged', retry: 'never' }
  t.throws(() => vault.for('packet').open(sealed, 'row 2'), damaged)
  t.throws(() => vault.for('secret').open(sealed, 'row 1'), damaged)
  t.throws(
    () =>
      createVault([{ ...k1, key: k2.key }])
        .for('packet')
        .open(sealed, 'row 1'),
    damaged,
  )
})

t.test('a change of any bit and a cut at any place is noticed', async (t) => {
  const sealer = createVault([k1]).for('secret')
  const sealed = sealer.seal(plain, 'row 1')
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed)
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    t.throws(() => sealer.open(changed, 'row 1'), { code: /^sealed_(damaged|unknown_key)$/ }, `bit ${bit}`)
  }
  for (let length = 0; length < sealed.length; length += 1)
    t.throws(() => sealer.open(sealed.subarray(0, length), 'row 1'), { code: 'sealed_damaged' })
})

t.test('the first key seals and all open; a value of a key that is gone says which', async (t) => {
  const old = createVault([k1]).for('secret').seal(plain, 'x')
  const rotated = createVault([k2, k1])
  t.equal(rotated.keyId, 'k2')
  t.ok(rotated.for('secret').open(old, 'x').equals(plain))
  const fresh = rotated.for('secret').seal(plain, 'x')
  t.equal(sealedWith(old), 'k1')
  t.equal(sealedWith(fresh), 'k2')
  t.throws(() => createVault([k2]).for('secret').open(old, 'x'), { code: 'sealed_unknown_key', userText: /"k1"/ })
})

t.test('tombstones are hashed under a key of their own, or under one that stays while keys are put in front', async (t) => {
  const hash = createVault([k1]).tombstones('someone')
  t.equal(hash.length, 32)
  t.ok(createVault([k2, k1]).tombstones('someone').equals(hash))
  t.ok(
    createVault([k2], firstTombstoneKey([k1]))
      .tombstones('someone')
      .equals(hash),
  )
  t.notOk(createVault([k2]).tombstones('someone').equals(hash))
})
