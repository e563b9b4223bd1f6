/** Whether the database can be used, and what is sealed in it opened. */
import { sql } from 'kysely'
import { CodedError } from '../../connectors/errors.ts'
import type { Config } from '../config.ts'
import { readKeyFile } from '../connections/keys.ts'
import { keysInUse } from '../connections/reseal.ts'
import { getSecret } from '../connections/secrets.ts'
import { createVault } from '../connections/vault.ts'
import { readMigrations, unapplied } from '../database/migrate.ts'
import { weekOf } from '../database/partitions.ts'
import type { Database } from '../database/pool.ts'
import { judgeKeys } from './key-standing.ts'

/** One finding of the doctor; the text also says what to do. */
export interface Check {
  name: string
  status: 'ok' | 'warning' | 'problem'
  text: string
}

/** Older versions lack SQL that is used here. */
const LEAST_VERSION = 15
const WEEK = 7 * 86_400_000

/** Version, migrations and the ledger's partitions. */
export async function checkDatabase(db: Database, applied: readonly { name: string; checksum: string }[]): Promise<Check[]> {
  const { rows } = await sql<{ version: number; text: string }>`
    select current_setting('server_version_num')::int / 10000 as version, current_setting('server_version') as text`.execute(db)
  const version = rows[0] ?? { version: 0, text: '?' }
  const old = version.version < LEAST_VERSION
  const checks: Check[] = [
    {
      name: 'database',
      status: old ? 'problem' : 'ok',
      text: `PostgreSQL ${version.text} answers${old ? `; version ${LEAST_VERSION} or newer is needed` : ''}`,
    },
    await migrations(applied),
  ]
  return applied.length === 0 ? checks : [...checks, await partitions(db)]
}

async function migrations(applied: readonly { name: string; checksum: string }[]): Promise<Check> {
  const name = 'migrations'
  if (applied.length === 0) return { name, status: 'warning', text: 'the database is empty; the first start (npm start) fills it' }
  try {
    const missing = unapplied(await readMigrations(), applied)
    if (missing.length === 0) return { name, status: 'ok', text: `all ${applied.length} are applied` }
    return {
      name,
      status: 'problem',
      text: `${missing.length} are missing (${missing[0]?.name}, …); start the server once, it applies them`,
    }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return { name, status: 'problem', text: error.userText }
  }
}

/** The server makes them two weeks ahead, every hour. */
async function partitions(db: Database): Promise<Check> {
  const weeks = [0, 1].map(
    (offset) => `ledger_${new Date(weekOf(Date.now()) + offset * WEEK).toISOString().slice(0, 10).replaceAll('-', '')}`,
  )
  const { rows } = await sql<{
    name: string
  }>`select v.name from unnest(${weeks}::text[]) as v(name) where to_regclass(v.name) is null`.execute(db)
  if (rows.length === 0) return { name: 'partitions', status: 'ok', text: 'those of this week and the next are there' }
  const missing = rows.map(({ name }) => name).join(', ')
  return {
    name: 'partitions',
    status: 'warning',
    text: `${missing} is missing; the running server makes it within the hour. Is it running?`,
  }
}

/** One secret for each key in use has to open, and each key that something is sealed under has to be there. */
export async function checkEncryption(config: Config, db: Database): Promise<Check[]> {
  const name = 'encryption keys'
  try {
    const vault = createVault(config.encryptionKeys ?? (await readKeyFile(config.dataDir)))
    const samples = await db.selectFrom('secret').distinctOn('key_id').select(['key_id', 'owner', 'purpose']).orderBy('key_id').execute()
    for (const { owner, purpose } of samples) await getSecret(db, vault, owner, purpose)
    return judgeKeys(await keysInUse(db), vault.keyIds).map(({ id, secrets, packets, standing }) => {
      const sealed = `${secrets} secrets and ${packets} packets of changes`
      if (standing === 'missing') return { name, status: 'problem', text: `${sealed} need "${id}", which is not configured; put it back` }
      if (standing === 'not needed') return { name, status: 'ok', text: `"${id}" is not needed; nothing is sealed under it` }
      const more = standing === 'needed' ? '; to be free of it: keys rotate' : ', and it seals what is new'
      return { name, status: 'ok', text: `"${id}" opens ${sealed}${more}` }
    })
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return [{ name, status: 'problem', text: error.userText }]
  }
}
