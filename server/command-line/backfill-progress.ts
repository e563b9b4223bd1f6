/** How far a backfill is: one line, drawn over and over at a terminal, printed anew elsewhere. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type BackfillView, showBackfill } from '../settings/backfills.ts'
import type { Caller } from '../settings/caller.ts'
import { oneLine } from './output.ts'

const BAR = 24
const DRAW_MS = 500
const PRINT_MS = 1_000
/** A server takes a backfill up within seconds. */
const TAKEN_UP_MS = 10_000

/** One line for people; `bar` draws one where the end is known. Pure. */
export function progressLine(view: BackfillView, { bar = false } = {}): string {
  const { state, forecast, records, counts, remainingMs, errorText, hindrance } = view
  const goesOn = state === 'planned' || state === 'dry_running' || state === 'running'
  const trouble = !goesOn ? '' : errorText === null ? asideFor(hindrance) : ` (it is tried again: ${oneLine(errorText)})`
  if (state === 'planned') return `waiting to be taken up${trouble}`
  if (state === 'dry_running' || state === 'ready') return `dry run: ${forecast?.records ?? 0} records read${trouble}`
  const total = Math.max(forecast?.records ?? 0, records)
  const done = total === 0 ? 1 : records / total
  const drawn = Math.round(done * BAR)
  const sum = (...outcomes: string[]) => counts.reduce((all, one) => all + (outcomes.includes(one.outcome) ? one.count : 0), 0)
  return [
    ...(bar ? [`[${'#'.repeat(drawn)}${'-'.repeat(BAR - drawn)}] ${Math.floor(done * 100)} %`] : [state]),
    `${records} of ${total} records read`,
    `${sum('pending')} events queued`,
    `${sum('sent', 'unconfirmed')} sent`,
    ...(remainingMs === null ? [] : [`${duration(remainingMs)} left`]),
  ]
    .join(', ')
    .concat(trouble)
}

/**
 * Shows the progress on standard error until `over`. Returns the last view.
 * @param quiet shows nothing
 */
export async function watchBackfill(
  caller: Caller,
  id: number,
  { over, quiet }: { over: (view: BackfillView) => boolean; quiet?: boolean },
): Promise<BackfillView> {
  const bar = process.stderr.isTTY === true
  const say = (text: string) => process.stderr.write(bar ? `\r\u001b[K${text}` : `${text}\n`)
  const began = Date.now()
  let told = false
  let last = ''
  for (;;) {
    const view = await showBackfill(caller, id)
    const line = progressLine(view, { bar })
    if (!quiet && line !== last) say(line)
    last = line
    if (over(view)) {
      if (!quiet && bar) process.stderr.write('\n')
      return view
    }
    if (view.state === 'planned' && !told && Date.now() - began > TAKEN_UP_MS) {
      told = true
      process.stderr.write(`${bar ? '\n' : ''}Nothing has happened yet: is a server running?\n`)
    }
    await sleep(bar ? DRAW_MS : PRINT_MS)
  }
}

/** Changes in the inbox are soon handled, often its own: not worth a word. */
function asideFor(hindrance: BackfillView['hindrance']): string {
  if (hindrance === 'connection') return ' (it waits: the connection is paused or has no route)'
  return hindrance === 'outbox' ? ' (it waits: a dataset has many events to send, see dataset list)' : ''
}

/** In the unit that fits. */
function duration(ms: number): string {
  if (ms < 60_000) return `${Math.ceil(ms / 1_000)} s`
  if (ms < 3_600_000) return `${Math.ceil(ms / 60_000)} min`
  return `${(ms / 3_600_000).toFixed(1)} h`
}
