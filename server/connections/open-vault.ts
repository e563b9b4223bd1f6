/**
 * The vault of an installation. Its tombstones are hashed under a secret of its own, so that no encryption key has to stay
 * because of them: a key is needed only while something is sealed under it.
 */
import { CodedError } from '../../connectors/errors.ts'
import type { Database } from '../database/pool.ts'
import { addSecret, getSecret } from './secrets.ts'
import { createVault, type EncryptionKey, firstTombstoneKey, type Vault } from './vault.ts'

export const INSTALLATION = 'installation'
export const TOMBSTONE_KEY = 'tombstone_key'

/**
 * Opens the vault. The first time it gives the installation its tombstone key: the one that its keys implied until then, so
 * that earlier tombstones stay valid. Throws a `CodedError` where that key cannot be opened, `keys_differ` where another key goes
 * by the id of the one that sealed it: who asked to be forgotten could not be told from others.
 */
export async function openVault(db: Database, keys: readonly EncryptionKey[]): Promise<Vault> {
  const vault = createVault(keys)
  const read = () => getSecret(db, vault, INSTALLATION, TOMBSTONE_KEY).catch(explain)
  let stored = await read()
  if (stored === undefined) {
    // Of two starts at once, the first gives it.
    await addSecret(db, vault, INSTALLATION, TOMBSTONE_KEY, firstTombstoneKey(keys).toString('base64'))
    stored = (await read()) as string
  }
  return createVault(keys, Buffer.from(stored, 'base64'))
}

/** It was sealed by ourselves and nobody moves it: what does not open it is another key of the same id. */
function explain(error: unknown): never {
  if (!(error instanceof CodedError) || error.code !== 'sealed_damaged') throw error
  throw new CodedError({
    code: 'keys_differ',
    retry: 'never',
    scope: 'connection',
    userText:
      'The database was sealed under an encryption key that has the id of one given here, and is another. Put back the one it was sealed under; if that is lost, give the new one an id of its own, and ask `keys give-up`.',
    cause: error,
  })
}
