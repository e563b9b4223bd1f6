/** Secrets of connections and datasets, sealed in the table `secret` and bound to their owner and purpose. */
import type { Database } from '../database/pool.ts'
import type { Vault } from './vault.ts'

/** Stores a secret, in place of an earlier one. `owner` is `connection:<id>` or `dataset:<id>`. `db` may be a transaction. */
export async function putSecret(db: Database, vault: Vault, owner: string, purpose: string, plain: string): Promise<void> {
  const row = sealedRow(vault, owner, purpose, plain)
  await db
    .insertInto('secret')
    .values({ owner, purpose, ...row })
    .onConflict((conflict) => conflict.columns(['owner', 'purpose']).doUpdateSet(row))
    .execute()
}

/** Stores a secret where there is none yet. */
export async function addSecret(db: Database, vault: Vault, owner: string, purpose: string, plain: string): Promise<void> {
  const row = sealedRow(vault, owner, purpose, plain)
  await db
    .insertInto('secret')
    .values({ owner, purpose, ...row })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

function sealedRow(vault: Vault, owner: string, purpose: string, plain: string) {
  return {
    key_id: vault.keyId,
    sealed: vault.for('secret').seal(Buffer.from(plain), secretContext(owner, purpose)),
    changed_at: new Date(),
  }
}

/** The secret, or undefined when there is none. Throws the vault's `CodedError`. */
export async function getSecret(db: Database, vault: Vault, owner: string, purpose: string): Promise<string | undefined> {
  const row = await db.selectFrom('secret').select('sealed').where('owner', '=', owner).where('purpose', '=', purpose).executeTakeFirst()
  return row && vault.for('secret').open(row.sealed, secretContext(owner, purpose)).toString()
}

/** All secrets of an owner by their purpose. Throws the vault's `CodedError`. */
export async function getSecrets(db: Database, vault: Vault, owner: string): Promise<Record<string, string>> {
  const rows = await db.selectFrom('secret').select(['purpose', 'sealed']).where('owner', '=', owner).execute()
  return Object.fromEntries(
    rows.map(({ purpose, sealed }) => [purpose, vault.for('secret').open(sealed, secretContext(owner, purpose)).toString()]),
  )
}

/** Forgets all secrets of an owner. */
export async function eraseSecrets(db: Database, owner: string): Promise<void> {
  await db.deleteFrom('secret').where('owner', '=', owner).execute()
}

/** What a secret is bound to. JSON keeps owner and purpose apart whatever they hold. */
export function secretContext(owner: string, purpose: string): string {
  return JSON.stringify([owner, purpose])
}
