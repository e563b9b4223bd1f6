/** What can be seen without asking anybody: addresses and files. */
import { access, constants, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { Check } from './check-database.ts'

/** CRMs deliver webhooks to public https addresses only, and signatures are made over the whole address. */
export function checkPublicUrl(publicUrl: string): Check {
  const name = 'public URL'
  const url = new URL(publicUrl)
  const inward = url.protocol === 'http:' || url.hostname === 'localhost'
  if (inward)
    return { name, status: 'warning', text: `${publicUrl} cannot be reached by a CRM; set PUBLIC_URL to the https address of this server` }
  if (url.pathname !== '/') {
    return {
      name,
      status: 'warning',
      text: `${publicUrl} has a path; webhooks have to arrive below it with the path cut off, or leave it out of PUBLIC_URL`,
    }
  }
  return { name, status: 'ok', text: publicUrl }
}

/** The data folder, where it is used: for the embedded database, or for the key file. */
export async function checkFolder({ dataDir, databaseUrl, encryptionKeys }: Config): Promise<Check[]> {
  if (databaseUrl !== undefined && encryptionKeys !== undefined) return []
  const name = 'data folder'
  const folder = await stat(dataDir).catch(() => undefined)
  if (folder === undefined) return [{ name, status: 'warning', text: `${dataDir} is not there yet; the first start (npm start) makes it` }]
  const writable = await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!writable)
    return [{ name, status: 'problem', text: `${dataDir} cannot be written by this user; run as its owner, or change the owner` }]
  const checks: Check[] = [{ name, status: 'ok', text: `${dataDir} can be written` }]
  const path = join(dataDir, 'encryption-keys')
  const file = encryptionKeys === undefined ? await stat(path).catch(() => undefined) : undefined
  if (file !== undefined && (file.mode & 0o077) !== 0) {
    checks.push({ name: 'key file', status: 'problem', text: `others may read ${path}, which opens all secrets; chmod 600 it` })
  } else if (file !== undefined)
    checks.push({ name: 'key file', status: 'ok', text: 'only its owner may read it; keep a copy in a safe place' })
  return checks
}
