/**
 * Sealing of secrets and stored changes: AES-256-GCM under versioned keys, with a subkey for each purpose (HKDF), so that
 * what was sealed for one purpose opens for no other. A sealed value describes itself:
 *
 *     1 byte format · 1 byte length of key id · key id · 12 bytes nonce · ciphertext · 16 bytes tag
 *
 * Everything before the nonce, and the context the caller names, is authenticated with it.
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { CodedError } from '../../connectors/errors.ts'

/** What is sealed, and so which subkey is used. */
export type Purpose = 'packet' | 'secret'

/** Seals for one purpose. */
export interface Sealer {
  /** Seals `plain` with the first key. `context` binds it to its use (its row, say): it opens with the same context only. */
  seal(plain: Buffer, context: string): Buffer
  /**
   * Throws `CodedError`: `sealed_unknown_key` (the key is not configured any more) or `sealed_damaged` (tampered with, cut,
   * or moved to another context); neither passes by itself.
   */
  open(sealed: Buffer, context: string): Buffer
}

/** Keyed hash of a text, 32 bytes. */
export type KeyedHash = (text: string) => Buffer

export interface Vault {
  /** Id of the key that seals now. */
  keyId: string
  /** Ids of all keys, that one first. */
  keyIds: readonly string[]
  /** What every value that is sealed now begins with. */
  head: Buffer
  for(purpose: Purpose): Sealer
  /** Hashes what tombstones remember. */
  tombstones: KeyedHash
}

export interface EncryptionKey {
  id: string
  /** 32 bytes. */
  key: Buffer
}

const FORMAT = 1
/** Random; a repeat stays out of reach for 2^32 values under one key (NIST SP 800-38D, 8.3). */
const NONCE = 12
const TAG = 16

/**
 * @param keys the first seals, all open. Ids are 1 to 64 characters and distinct, keys 32 bytes; configuration sees to that.
 * @param tombstoneKey what tombstones are hashed under, 32 bytes; without one, `firstTombstoneKey`
 */
export function createVault(keys: readonly EncryptionKey[], tombstoneKey = firstTombstoneKey(keys)): Vault {
  const [current] = keys
  if (current === undefined) throw new Error('a vault needs at least one key')
  const id = Buffer.from(current.id)
  const head = Buffer.concat([Buffer.of(FORMAT, id.length), id])
  const marks = createSecretKey(tombstoneKey)
  const sealers = new Map<Purpose, Sealer>()
  return {
    keyId: current.id,
    keyIds: keys.map(({ id }) => id),
    head,
    for(purpose) {
      let sealer = sealers.get(purpose)
      if (sealer === undefined) {
        sealer = createSealer(purpose, keys, current.id, head)
        sealers.set(purpose, sealer)
      }
      return sealer
    },
    tombstones: (text) => createHmac('sha256', marks).update(text).digest(),
  }
}

/** The key of tombstones before an installation has one of its own: derived from the last key, which stays while keys are put in front. */
export function firstTombstoneKey(keys: readonly EncryptionKey[]): Buffer {
  const oldest = keys.at(-1)
  if (oldest === undefined) throw new Error('a vault needs at least one key')
  return derive(oldest.key, 'tombstone hmac')
}

/** Which key a sealed value was made with. Throws `CodedError` `sealed_damaged`. */
export function sealedWith(sealed: Buffer): string {
  const length = sealed[1] ?? 0
  if (sealed[0] !== FORMAT || length === 0 || sealed.length < 2 + length + NONCE + TAG) throw damaged()
  return sealed.toString('utf8', 2, 2 + length)
}

function createSealer(purpose: Purpose, keys: readonly EncryptionKey[], currentId: string, head: Buffer): Sealer {
  // As key objects: to make one of plain bytes costs more than sealing a packet.
  const subkeys = new Map(keys.map(({ id, key }) => [id, createSecretKey(derive(key, purpose))]))
  const key = subkeys.get(currentId) as KeyObject
  return {
    seal(plain, context) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG })
      cipher.setAAD(associated(head, context))
      return Buffer.concat([head, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    },
    open(sealed, context) {
      const keyId = sealedWith(sealed)
      const from = 2 + (sealed[1] as number)
      const opening = subkeys.get(keyId)
      if (opening === undefined) throw unknownKey(keyId)
      const decipher = createDecipheriv('aes-256-gcm', opening, sealed.subarray(from, from + NONCE), { authTagLength: TAG })
      decipher.setAAD(associated(sealed.subarray(0, from), context))
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG))
      const plain = decipher.update(sealed.subarray(from + NONCE, sealed.length - TAG))
      try {
        return Buffer.concat([plain, decipher.final()])
      } catch {
        throw damaged()
      }
    },
  }
}

/** The head has a fixed layout, so no two pairs of head and context read the same. */
function associated(head: Buffer, context: string): Buffer {
  return Buffer.concat([head, Buffer.from(context)])
}

function derive(key: Buffer, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `leadstage ${info}`, 32))
}

function damaged(): CodedError {
  return new CodedError({
    code: 'sealed_damaged',
    retry: 'never',
    scope: 'event',
    userText: 'A sealed value cannot be opened: it was changed, or moved from where it belongs.',
  })
}

function unknownKey(keyId: string): CodedError {
  return new CodedError({
    code: 'sealed_unknown_key',
    retry: 'never',
    scope: 'connection',
    userText: `A sealed value needs the encryption key "${keyId}", which is not configured. Put it back behind the first, in ENCRYPTION_KEYS or the key file; if it is lost: keys give-up.`,
  })
}
