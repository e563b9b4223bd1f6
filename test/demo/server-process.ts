/** The real server as a process of its own. */
import { spawn } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { configVariables } from '../../server/config.ts'
import { findEmbedded, startEmbedded } from '../../server/database/embedded.ts'
import { createLog } from '../../server/log.ts'
import { freePort } from '../support/free-port.ts'
import { startArguments } from '../support/server-process.ts'

const root = resolve(import.meta.dirname, '../..')
const startMs = 180_000

export interface ServerProcess {
  url: string
  pid: number
  /** What it was told, for other processes that work beside it. */
  env: Record<string, string>
  logFile: string
  /** Resolves when it can do its work. Rejects with the last lines of its log when it does not come up. */
  ready(): Promise<void>
  /** Rejects when the server ends by itself; otherwise never settles. */
  died: Promise<never>
  stop(): Promise<void>
}

/**
 * Starts the server as `npm start` does, on the embedded PostgreSQL in `folder`, without waiting until it is ready. Nothing of this process's
 * own configuration reaches it.
 */
export async function startServer(folder: string, settings: Record<string, string>): Promise<ServerProcess> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const logFile = join(folder, 'server.log')
  const env = { DATA_DIR: join(folder, 'data'), PORT: String(port), PUBLIC_URL: url, ...settings }
  const log = await open(logFile, 'a', 0o600)
  const child = spawn(process.execPath, ['--import', new URL('./with-parent.ts', import.meta.url).href, ...(await startArguments())], {
    cwd: root,
    env: { ...inherited(), ...env, DEMO_FOLDER: folder, DEMO_PID: String(process.pid) },
    stdio: ['ignore', log.fd, log.fd],
  })
  let stopping = false
  const ended = new Promise<string>((end) => {
    child.once('error', (error) => end(error.message))
    child.once('exit', (code, signal) => end(`it ended with ${signal ?? `code ${code}`}`))
  })
  const died = ended.then(async (how): Promise<never> => {
    if (stopping) return new Promise(() => undefined)
    throw new Error(`The server is gone: ${how}. Its last words:\n${await lastWords(logFile)}`)
  })
  died.catch(() => undefined)
  await log.close()
  const stop = async () => {
    stopping = true
    child.kill('SIGTERM')
    const patience = setTimeout(() => child.kill('SIGKILL'), 30_000)
    await ended
    clearTimeout(patience)
    // A server that died by force leaves its PostgreSQL running.
    const silent = createLog({ level: 'silent' })
    if ((await findEmbedded(env.DATA_DIR)) !== undefined) await (await startEmbedded({ dataDir: env.DATA_DIR, log: silent })).stop()
  }
  return { url, pid: child.pid as number, env, logFile, ready: () => Promise.race([ready(url, logFile), died]), died, stop }
}

/** The environment of this process without what configures a server. */
export function inherited(): NodeJS.ProcessEnv {
  const ours = new Set(configVariables())
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.has(name)))
}

async function ready(url: string, logFile: string): Promise<void> {
  const end = Date.now() + startMs
  while (Date.now() < end) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined)
    if (response?.status === 200) return
    await sleep(50)
  }
  throw new Error(`The server was not ready within ${startMs / 1000} seconds. Its last words:\n${await lastWords(logFile)}`)
}

async function lastWords(file: string): Promise<string> {
  const text = await readFile(file, 'utf8')
  return text.trim().split('\n').slice(-12).join('\n') || '(none)'
}
