/** What the receiver needs to know of a connection with an address of its own, remembered briefly. */
import { createHash, randomBytes } from 'node:crypto'
import type { Connector } from '../../connectors/connector.ts'
import { getSecrets } from '../connections/secrets.ts'
import type { Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { isSampleWanted, keepSample, type SampleRequest } from './sample.ts'

export interface WebhookAccess {
  secrets: Readonly<Record<string, string>>
  /** Parsed by the connector. */
  settings: unknown
  /** Keeps the request as a sample; absent where none is wanted. */
  sample?: (request: SampleRequest) => Promise<void>
}

const REMEMBER_MS = 5_000
const MOST = 10_000

/** A new key for the address of a connection: 32 random bytes, as base64url. */
export const newWebhookKey = (): string => randomBytes(32).toString('base64url')

/** Under which account key a connection is found by the key in its address; the key itself lies in the database sealed only. */
export const accountOfKey = (key: string): string => createHash('sha256').update(key).digest('hex')

/** A lookup of secrets and settings by connection id; what is changed elsewhere is noticed within five seconds. */
export function createWebhookAccess(db: Database, vault: Vault): (connector: Connector, connectionId: number) => Promise<WebhookAccess> {
  const known = new Map<number, { access: Promise<WebhookAccess>; until: number }>()
  async function read(connector: Connector, connectionId: number): Promise<WebhookAccess> {
    const row = await db.selectFrom('connection').select('settings').where('id', '=', connectionId).executeTakeFirstOrThrow()
    const settings = connector.manifest.settings.parse(row.settings)
    const secrets = await getSecrets(db, vault, `connection:${connectionId}`)
    if (!(await isSampleWanted(db, connectionId))) return { secrets, settings }
    return { secrets, settings, sample: (request) => keepSample(db, vault, connectionId, request) }
  }
  return (connector, connectionId) => {
    const found = known.get(connectionId)
    if (found !== undefined && performance.now() < found.until) return found.access
    if (known.size > MOST) known.clear()
    const access = read(connector, connectionId)
    known.set(connectionId, { access, until: performance.now() + REMEMBER_MS })
    access.catch(() => known.delete(connectionId))
    return access
  }
}
