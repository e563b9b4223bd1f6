/** Runs test files and tells how each ended. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { root } from './promises.ts'

export interface Ended {
  passed: number
  failed: number
  /** Runs of properties, where the file has such. */
  fuzzed: number
  seconds: number
}

/** @returns by file; files that were not run to their end are missing */
export async function runProofs(
  files: readonly string[],
  env: Record<string, string>,
  say: (line: string) => void,
): Promise<Map<string, Ended>> {
  const ended = new Map<string, Ended>()
  if (files.length === 0) return ended
  const child = spawn('node_modules/.bin/tap', ['--reporter=tap', '--timeout=3600', ...files], {
    cwd: root,
    env: { ...process.env, _TAPJS_PROCESSINFO_COVERAGE_: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let now = { passed: 0, failed: 0, fuzzed: 0, seconds: 0 }
  let trouble: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('# Subtest: ')) {
      now = { passed: 0, failed: 0, fuzzed: 0, seconds: 0 }
      trouble = []
    }
    trouble.push(line)
    if (/^ {4}ok /.test(line)) now.passed += 1
    if (/^ {4}not ok /.test(line)) now.failed += 1
    now.fuzzed += Number(/# fuzzed: (\d+) runs/.exec(line)?.[1] ?? 0)
    const [, not, file, ms] = /^(not )?ok \d+ - (test\/\S+) # time=([\d.]+)ms/.exec(line) ?? []
    if (file === undefined) continue
    if (not !== undefined) for (const told of trouble) say(told)
    ended.set(file, { ...now, failed: Math.max(now.failed, not === undefined ? 0 : 1), seconds: Math.round(Number(ms) / 1000) })
    say(`  ${not === undefined ? 'ok    ' : 'FAILED'} ${file} (${Math.round(Number(ms) / 1000)} s)`)
  }
  return ended
}
