/** Where the encryption keys come from: configuration, or a file beside the embedded database. */
import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '../../connectors/errors.ts'
import type { EncryptionKey } from './vault.ts'

/**
 * Reads `id:base64key,id:base64key…` (first seals, all open). Returns what is wrong with it as text, without values.
 */
export function parseKeys(text: string): { keys: EncryptionKey[] } | { problem: string } {
  const keys: EncryptionKey[] = []
  for (const [index, part] of text.split(',').entries()) {
    const place = `entry ${index + 1}`
    const [, id, encoded] = /^\s*([\w-]{1,64}):([\w+/-]+={0,2})\s*$/.exec(part) ?? []
    if (id === undefined || encoded === undefined) return { problem: `${place} is not of the form id:base64key` }
    const key = Buffer.from(encoded, 'base64')
    if (key.length !== 32)
      return { problem: `${place} has a key of ${key.length} bytes instead of 32 (make one with: openssl rand -base64 32)` }
    if (keys.some((other) => other.id === id)) return { problem: `${place} repeats an id` }
    keys.push({ id, key })
  }
  return { keys }
}

/**
 * The keys in the data folder's key file, which is made (mode 0600) when missing. Two starts at once get the same keys.
 * Throws `CodedError` `key_file_damaged`.
 */
export async function readKeyFile(dataDir: string): Promise<EncryptionKey[]> {
  const path = join(dataDir, 'encryption-keys')
  const text = (await readOrNothing(path)) ?? (await makeKeyFile(dataDir, path))
  const parsed = parseKeys(text.trim())
  if ('keys' in parsed) return parsed.keys
  throw new CodedError({
    code: 'key_file_damaged',
    retry: 'never',
    scope: 'connection',
    userText: `The encryption keys in ${path} cannot be read: ${parsed.problem}. Restore the file from a backup; without it nothing sealed can be opened.`,
  })
}

async function readOrNothing(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

/**
 * A hard link appears whole or not at all and never replaces a file. The id is like no other: where a key file was lost, what
 * was sealed under it can be told from what is sealed under the new one.
 */
async function makeKeyFile(dataDir: string, path: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomUUID()}`
  await writeFile(draft, `k${randomBytes(4).toString('hex')}:${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flush: true })
  try {
    await link(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(draft)
  }
  return readFile(path, 'utf8')
}
