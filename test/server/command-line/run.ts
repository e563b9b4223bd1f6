/** Runs the real command line as a process of its own. */
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HubSpot } from '../../simulators/hubspot/start-hubspot.ts'
import type { Meta } from '../../simulators/meta/start-meta.ts'

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

/** The file to run. */
export const main = join(import.meta.dirname, '../../../server/command-line/main.ts')

/** The key that `testApp` seals with. */
export const ENCRYPTION_KEYS = `k1:${Buffer.alloc(32, 1).toString('base64')}`

/** Environment of a command against these stand-ins. */
export function envOf(given: { databaseUrl: string; hubspot?: HubSpot; meta?: Meta; publicUrl?: string }): Record<string, string> {
  const { databaseUrl, hubspot, meta, publicUrl = 'https://leadstage.example.com' } = given
  return {
    DATABASE_URL: databaseUrl,
    ENCRYPTION_KEYS,
    PUBLIC_URL: publicUrl,
    ...(hubspot && {
      HUBSPOT_APP_ID: String(hubspot.app.appId),
      HUBSPOT_CLIENT_ID: hubspot.app.clientId,
      HUBSPOT_CLIENT_SECRET: hubspot.app.clientSecret,
      HUBSPOT_API_URL: hubspot.url,
    }),
    ...(meta && { META_GRAPH_URL: meta.url }),
  }
}

/** Runs one command with nothing but this environment, away from any `.env`; `input` is its standard input. */
export function run(
  args: readonly string[],
  { env = {}, input = '' }: { env?: Record<string, string>; input?: string } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: tmpdir(), env: { PATH: process.env.PATH, TZ: 'UTC', ...env } })
    const ran: Ran = { code: null, stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      ran.stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      ran.stderr += text
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ ...ran, code }))
    // A command that needs no input may be gone before it is written.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

/** Runs one command at a terminal of its own; all that it shows there comes back as `stdout`, control sequences included. */
export function runAtTerminal(args: readonly string[], env: Record<string, string>): Promise<Ran> {
  const command = [process.execPath, main, ...args].map((word) => `'${word}'`).join(' ')
  return new Promise((resolve, reject) => {
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      cwd: tmpdir(),
      env: { PATH: process.env.PATH, TZ: 'UTC', TERM: 'xterm', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ran: Ran = { code: null, stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      ran.stdout += text
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ ...ran, code }))
  })
}
