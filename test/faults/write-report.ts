import type { Counts } from '../support/counted.ts'
import type { Promised } from './promises.ts'
import type { Ended } from './run-proofs.ts'

export type Mode = 'in-process' | 'redis'
export interface Counted {
  promises: number[]
  mode: Mode
  proof: string
  counts: Counts
}
/** What was run in one mode. */
export type Ran = Record<Mode, ReadonlyMap<string, Ended>>

const columns = ['kills', 'restarts', 'eventsIn', 'eventsOut', 'lost', 'doubled'] as const
const headings = ['promise', 'mode', 'proofs', 'runs', 'kills', 'restarts', 'events in', 'events out', 'lost', 'doubled', 'recovery']

/**
 * The report as text: for each promise and mode how many proofs held, and what they counted; `–` where nothing was counted.
 * Proofs that were left to `npm test` are counted on a line of their own. Pure.
 */
export function writeReport(promises: readonly Promised[], ran: Ran, counted: readonly Counted[]): string {
  const lines: string[][] = [headings]
  const remarks: string[] = []
  for (const { number, title, proofs, missing } of promises) {
    if (missing !== undefined) remarks.push(`${number}: ${missing}`)
    const left = proofs.filter((file) => !ran['in-process'].has(file) && !ran.redis.has(file)).length
    let name = `${number} ${title}`
    for (const mode of ['in-process', 'redis'] as const) {
      const files = proofs.flatMap((file) => ran[mode].get(file) ?? [])
      if (files.length === 0) continue
      const held = files.filter(({ failed }) => failed === 0).length
      const counts = counted.filter((it) => it.mode === mode && it.promises.includes(number)).map((it) => it.counts)
      const sum = (column: (typeof columns)[number]) => {
        const told = counts.flatMap((it) => it[column] ?? [])
        return told.length === 0 ? '–' : String(told.reduce((total, n) => total + n, 0))
      }
      const runs = counts.reduce((total, it) => total + (it.runs ?? 1), 0)
      lines.push([name, mode, `${held}/${files.length}`, runs === 0 ? '–' : String(runs), ...columns.map(sum), recovery(counts)])
      name = ''
    }
    if (left > 0) lines.push([name, 'npm test', String(left), ...columns.map(() => '–'), '–', '–'])
  }
  const notes = counted.flatMap(({ proof, mode, counts }) => (counts.note === undefined ? [] : [`${proof}, ${mode}: ${counts.note}`]))
  const fuzzed = [...ran['in-process']].filter(([, { fuzzed }]) => fuzzed > 0).map(([file, it]) => `${file}: ${it.fuzzed} runs`)
  return [...aligned(lines), ...section('Counted beside', notes), ...section('Fuzzed', fuzzed), ...section('Not built yet', remarks)].join(
    '\n',
  )
}

const section = (title: string, lines: readonly string[]) =>
  lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)]

/** The middle and the longest of the times to recovery. */
function recovery(counts: readonly Counts[]): string {
  const times = counts.flatMap(({ recoveryMs = [] }) => recoveryMs).sort((a, b) => a - b)
  const seconds = (ms: number | undefined) => ((ms ?? 0) / 1000).toFixed(1)
  return times.length === 0 ? '–' : `${seconds(times[Math.floor(times.length / 2)])} s, at most ${seconds(times.at(-1))} s`
}

function aligned(lines: readonly string[][]): string[] {
  const widths = headings.map((_, n) => Math.max(...lines.map((line) => (line[n] ?? '').length)))
  return lines.map((line) =>
    line
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
