/** What a person sees: the live progress and the table at the end. At most 80 columns. Pure. */
import { funnel } from './funnel.ts'
import type { Counts, Verdict } from './judge.ts'
import type { Source } from './source.ts'
import type { Observed } from './watch.ts'

export type Colour = 'green' | 'red' | 'dim' | 'bold'
/** Paints text, or leaves it as it is. */
export type Paint = (colour: Colour, text: string) => string

const nameWidth = 26
const barWidth = 36

/** One line for each stage: its bar fills as events arrive at Meta, and is shaded as far as the CRM has got. */
export function progressBlock({ changes, received }: Observed, sources: readonly Pick<Source, 'eventNames'>[], paint: Paint): string[] {
  const totals = new Map<string, number>()
  for (const [stage, leads] of funnel.entries())
    for (const { eventNames } of sources) {
      const eventName = eventNames[stage]
      if (eventName === undefined) continue
      totals.set(eventName, (totals.get(eventName) ?? 0) + leads)
    }
  return [...totals].map(([eventName, total]) => {
    const changed = changes.filter((change) => change.eventName === eventName).length
    const arrived = received.filter((event) => event.eventName === eventName).length
    const cells = (count: number) => Math.min(barWidth, Math.floor((count / total) * barWidth))
    const full = cells(arrived)
    const shaded = Math.max(0, cells(changed) - full)
    const bar = paint('green', '█'.repeat(full)) + '▒'.repeat(shaded) + paint('dim', '·'.repeat(barWidth - full - shaded))
    return `  ${eventName.padEnd(nameWidth)}${bar}${String(arrived).padStart(5)} of ${String(total).padStart(3)}`
  })
}

/** The same in one line, where lines cannot be drawn over. */
export function progressLine({ changes, received }: Observed): string {
  return `  ${changes.length} stages changed in the CRM, ${received.length} events received by Meta`
}

/** The table of all stages with its sums. */
export function table(verdict: Verdict, paint: Paint): string[] {
  const sources = Object.entries(verdict.sources)
  const head = row('', 'changed', 'sent', 'received', 'median', 'p99')
  const stages = sources.flatMap(([source, counts]) => {
    const own = verdict.stages.filter((stage) => stage.source === source)
    if (sources.length === 1) return own.map((stage) => countsRow(stage.eventName, stage))
    return [countsRow(source, counts), ...own.map((stage) => paint('dim', countsRow(`  ${stage.eventName}`, stage)))]
  })
  const note = paint('dim', '  Delays run from the form, or the change in the CRM, to the arrival at Meta.')
  return [paint('dim', head), ...stages, paint('bold', countsRow('All', verdict)), note]
}

/** Below the table: what the numbers do not say. The last line tells how it went. */
export function closing(verdict: Verdict, paint: Paint): string[] {
  const { changes, received, outOfOrder } = verdict
  const note =
    outOfOrder === 0 ? [] : [`  ${outOfOrder} arrived after a later stage of their lead, as the CRM told them; their times are true.`]
  if (isGood(verdict))
    return [...note, paint('green', `  ${received} of ${changes} arrived at Meta, each once and correct: 0 lost, 0 doubled.`)]
  const kinds = ['lost', 'doubled', 'unexpected', 'wrong'] as const
  const flaws = kinds.filter((kind) => verdict[kind] > 0).map((kind) => `${verdict[kind]} ${kind}`)
  if (verdict.sent !== changes) flaws.push(`${verdict.sent} sent by the ledger`)
  return [...note, paint('red', `  ${received} of ${changes} arrived at Meta: ${flaws.join(', ')}.`)]
}

/** Every change arrived exactly once and correct, nothing else did, and the ledger says the same. */
export function isGood({ changes, sent, received, doubled, unexpected, wrong }: Verdict): boolean {
  return changes > 0 && received === changes && sent === changes && doubled + unexpected + wrong === 0
}

export function problemLines(problems: readonly string[], most = 10): string[] {
  const more = problems.length > most ? [`  … and ${problems.length - most} more`] : []
  return [...problems.slice(0, most).map((problem) => `  ${problem}`), ...more]
}

function countsRow(title: string, counts: Counts): string {
  const { changes, sent, received, delayMs } = counts
  const ms = (value: number | null) => (value === null ? '-' : `${Math.round(value)} ms`)
  return row(title, String(changes), String(sent), String(received), ms(delayMs.p50), ms(delayMs.p99))
}

function row(title: string, ...cells: string[]): string {
  return `  ${title.padEnd(nameWidth)}${cells.map((cell) => cell.padStart(10)).join('')}`.trimEnd()
}
