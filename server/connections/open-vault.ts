/**
 * The vault of an installation. Its tombstones are hashed under a secret of its own, so that no encryption key has to stay
 * because of them: a key is needed only while something is sealed under it.
 */
import type { Database } from '../database/pool.ts'
import { addSecret, getSecret } from './secrets.ts'
import { createVault, type EncryptionKey, firstTombstoneKey, type Vault } from './vault.ts'

export const INSTALLATION = 'installation'
export const TOMBSTONE_KEY = 'tombstone_key'

/**
 * Opens the vault. The first time it gives the installation its tombstone key: the one that its keys implied until then, so
 * that earlier tombstones stay valid. Throws the vault's `CodedError` where that key cannot be opened: who asked to be
 * forgotten could not be told from others.
 */
export async function openVault(db: Database, keys: readonly EncryptionKey[]): Promise<Vault> {
  const vault = createVault(keys)
  const read = () => getSecret(db, vault, INSTALLATION, TOMBSTONE_KEY)
  let stored = await read()
  if (stored === undefined) {
    // Of two starts at once, the first gives it.
    await addSecret(db, vault, INSTALLATION, TOMBSTONE_KEY, firstTombstoneKey(keys).toString('base64'))
    stored = (await read()) as string
  }
  return createVault(keys, Buffer.from(stored, 'base64'))
}
