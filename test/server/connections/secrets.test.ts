import t from 'tap'
import { eraseSecrets, getSecret, putSecret } from '../../../server/connections/secrets.ts'
import { createVault } from '../../../server/connections/vault.ts'
import { testDatabase } from '../../support/database.ts'

const vault = createVault([{ id: 'k1', key: Buffer.alloc(32, 1) }])

t.test('a secret is stored sealed, replaced, read and erased', async (t) => {
  const db = await testDatabase(t)
  t.equal(await getSecret(db, vault, 'connection:1', 'grant'), undefined)
  await putSecret(db, vault, 'connection:1', 'grant', 'canary one')
  await putSecret(db, vault, 'connection:1', 'grant', 'canary zwei ü')
  await putSecret(db, vault, 'connection:1', 'other', 'canary three')
  await putSecret(db, vault, 'dataset:1', 'grant', 'canary four')
  t.equal(await getSecret(db, vault, 'connection:1', 'grant'), 'canary zwei ü')

  const rows = await db.selectFrom('secret').selectAll().execute()
  t.equal(rows.length, 3)
  for (const row of rows) {
    t.notMatch(row.sealed.toString('latin1'), /canary/)
    t.equal(row.key_id, 'k1')
  }
  await eraseSecrets(db, 'connection:1')
  t.equal(await getSecret(db, vault, 'connection:1', 'grant'), undefined)
  t.equal(await getSecret(db, vault, 'connection:1', 'other'), undefined)
  t.equal(await getSecret(db, vault, 'dataset:1', 'grant'), 'canary four')
})

t.test('a secret that was moved to another owner does not open', async (t) => {
  const db = await testDatabase(t)
  await putSecret(db, vault, 'connection:1', 'grant', 'canary')
  await db.updateTable('secret').set({ owner: 'connection:2' }).execute()
  await t.rejects(getSecret(db, vault, 'connection:2', 'grant'), { code: 'sealed_damaged' })
})
