/**
 * The files of the embedded PostgreSQL in a data folder, and how they come to be.
 *
 *     postgres/access.json   password (0600)
 *     postgres/server.log    what the server says
 *     postgres/cluster/      PostgreSQL's own folder; owned by its account when we are root
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { CodedError } from '../../connectors/errors.ts'
import { type Account, serverAccount } from './account.ts'
import { packagedPostgres, runnablePostgres } from './binaries.ts'

export const SUPERUSER = 'leadstage'

export interface ClusterFiles {
  home: string
  access: string
  log: string
  cluster: string
}

export function clusterFiles(dataDir: string, home = join(resolve(dataDir), 'postgres')): ClusterFiles {
  return { home, access: join(home, 'access.json'), log: join(home, 'server.log'), cluster: join(home, 'cluster') }
}

/** The superuser's password, or undefined when there is no database in the data folder yet. */
export async function readPassword(files: ClusterFiles): Promise<string | undefined> {
  const content = await readFile(files.access, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw startFailed(`${files.access} cannot be read (${error.code}). Was the database made by another user?`, error)
  })
  if (content === undefined) return undefined
  try {
    return (JSON.parse(content) as { password: string }).password
  } catch (cause) {
    throw startFailed(`${files.access} is damaged.`, cause)
  }
}

/** How to start a program of PostgreSQL on a cluster. */
export interface Launch {
  /** Folder with bin, lib and share. */
  native: string
  /** Value for `-D`. */
  place: string
  /** For `spawn`: the account, the working folder, and an environment without anything of ours. */
  options: { uid?: number; gid?: number; cwd: string; env: Record<string, string> }
}

/**
 * Works out how to launch. PostgreSQL's account may be unable to enter the folders above the cluster. On Linux it need not:
 * it starts inside (the working folder is entered before the account is changed), and `/proc/self/cwd` leads there
 * in every process of the server without touching the folders above.
 */
export async function planLaunch(cluster: string): Promise<Launch> {
  const account: Account | undefined = await serverAccount(cluster)
  const native = await runnablePostgres(packagedPostgres(), account)
  const place = account !== undefined && process.platform === 'linux' ? '/proc/self/cwd' : cluster
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
  return { native, place, options: { ...account, cwd: cluster, env } }
}

/**
 * Makes the database when there is none. It is built aside and put in place by one rename, so a start that is cut short or
 * races with another leaves no half database. Throws `CodedError` `database_start_failed` with PostgreSQL's own words.
 */
export async function createCluster(dataDir: string): Promise<void> {
  const files = clusterFiles(dataDir)
  if ((await readPassword(files)) !== undefined) return
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await removeLeftovers(dataDir)
  const fresh = clusterFiles(dataDir, await mkdtemp(join(resolve(dataDir), 'postgres.new-')))
  try {
    await mkdir(fresh.cluster, { mode: 0o700 })
    const password = randomBytes(24).toString('base64url')
    await writeFile(fresh.access, `${JSON.stringify({ password })}\n`, { mode: 0o600 })
    await initialise(fresh, password)
    await rename(fresh.home, files.home)
  } catch (error) {
    await rm(fresh.home, { recursive: true, force: true })
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    if ((await readPassword(files)) === undefined) throw startFailed(`${files.home} is there but holds no database of ours.`, error)
  }
}

async function initialise(files: ClusterFiles, password: string): Promise<void> {
  const launch = await planLaunch(files.cluster)
  const { uid, gid } = launch.options
  const passwordFile = join(files.home, 'password')
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  if (uid !== undefined && gid !== undefined) {
    await chown(files.cluster, uid, gid)
    await chown(passwordFile, uid, gid)
  }
  const handle = await open(passwordFile)
  try {
    // The account cannot reach the file by name, but it can by descriptor.
    const args = ['-D', launch.place, `--username=${SUPERUSER}`, '--pwfile=/dev/fd/3', '--auth=scram-sha-256']
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
    const child = spawn(join(launch.native, 'bin/initdb'), [...args, ...locale], {
      ...launch.options,
      stdio: ['ignore', 'pipe', 'pipe', handle.fd],
    })
    const failed = once(child, 'error').then(([error]) => error as Error)
    const [stdout, stderr] = [text(child.stdout as Readable), text(child.stderr as Readable)]
    const code = await Promise.race([once(child, 'close').then(([code]) => code as number | null), failed])
    if (code !== 0) throw startFailed(lastLines(code instanceof Error ? code.message : (await stderr) || (await stdout)), code)
  } finally {
    await handle.close()
    await rm(passwordFile)
  }
}

/** What a killed first start left behind; younger ones may be at work. */
async function removeLeftovers(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const path = join(dataDir, name)
    if (name.startsWith('postgres.new-') && (await stat(path)).mtimeMs < Date.now() - 3_600_000)
      await rm(path, { recursive: true, force: true })
  }
}

export function lastLines(text: string, count = 6): string {
  return text.trim().split('\n').slice(-count).join('\n')
}

export function startFailed(reason: string, cause?: unknown): CodedError {
  return new CodedError({
    code: 'database_start_failed',
    retry: 'never',
    scope: 'connection',
    userText: `The embedded PostgreSQL did not start. ${reason}`,
    cause,
  })
}
