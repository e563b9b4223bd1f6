/**
 * The unprivileged account that the embedded PostgreSQL runs as when we are root: PostgreSQL refuses to run as root.
 */
import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CodedError } from '../../connectors/errors.ts'

const run = promisify(execFile)

export const ACCOUNT_NAME = 'leadstage'

export interface Account {
  uid: number
  gid: number
}

/**
 * The account for the database in `cluster`: its owner when it exists already, else the system account `leadstage`, created
 * when missing. Undefined when we are not root and PostgreSQL simply runs as us.
 *
 * Throws `CodedError` `database_account_missing`.
 */
export async function serverAccount(cluster: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const owner = await stat(cluster).catch(() => undefined)
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  // Two starts may create the account at once: then one of them fails, and finds what the other made.
  let failure: unknown
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const account = await lookUp()
    if (account !== undefined) return account
    failure = await create()
    if (failure !== undefined) await sleep(200)
  }
  throw new CodedError({
    code: 'database_account_missing',
    retry: 'never',
    scope: 'connection',
    userText: `PostgreSQL does not run as root, and the system account "${ACCOUNT_NAME}" for it could not be created. Create it (useradd --system ${ACCOUNT_NAME}), start Leadstage as another user, or set DATABASE_URL.`,
    cause: failure,
  })
}

async function lookUp(): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, ACCOUNT_NAME])).stdout)))
    return { uid: uid as number, gid: gid as number }
  } catch {
    return undefined
  }
}

/** Returns what went wrong, if anything did. */
async function create(): Promise<unknown> {
  try {
    const args = [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      ACCOUNT_NAME,
    ]
    await run('useradd', args, { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } })
    return undefined
  } catch (error) {
    return error
  }
}
