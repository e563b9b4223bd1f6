import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import {
  type BackfillView,
  cancelBackfill,
  confirmBackfill,
  listBackfills,
  MOST_DAYS,
  pauseBackfill,
  planBackfill,
  resumeBackfill,
  showBackfill,
} from '../settings/backfills.ts'
import type { Caller } from '../settings/caller.ts'
import { problem } from '../settings/problem.ts'
import { progressLine, watchBackfill } from './backfill-progress.ts'
import { countsTable } from './counts-table.ts'
import { examples } from './example.ts'
import { wholeNumber } from './input.ts'
import { print, table, time } from './output.ts'
import { withTools } from './tools.ts'

interface StartOptions {
  connection: number
  days: number
  yes?: boolean
  json?: boolean
}

/** `backfill start|show|list|pause|resume|cancel`. The running server does the work. */
export function addBackfillCommands(program: Command): void {
  const group = program.command('backfill').description(`read up to ${MOST_DAYS} days of the CRM’s past in`)

  group
    .command('start')
    .description('try out what a backfill would send, and why not the rest; with --yes, or when you say so at a terminal, send it')
    .requiredOption('--connection <connection>', 'its number', wholeNumber)
    .option('--days <days>', `how far back, at most ${MOST_DAYS}`, wholeNumber, MOST_DAYS)
    .option('--yes', 'send it without asking')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('backfill start --connection 1', 'backfill start --connection 1 --days 3 --yes'))
    .action(async ({ connection, days, yes, json }: StartOptions) => {
      const view = await withTools(async ({ caller }) => {
        const { id } = await planBackfill(caller, { connectionId: connection, days })
        const tried = await watchBackfill(caller, id, { over: isTried, quiet: json })
        if (tried.state !== 'ready') throw ended(tried)
        if (!json) process.stdout.write(`${described(tried)}\n`)
        const send = yes || (!json && process.stdin.isTTY && (await agreed()))
        return send ? follow(caller, await confirmBackfill(caller, id), json) : tried
      })
      if (json) print(true, view, String)
      else if (view.state === 'ready') print(false, view, () => `Nothing has been sent. To send it: backfill resume ${view.id}`)
      else print(false, view, () => `\n${described(view)}`)
    })

  group
    .command('list')
    .description('list the latest backfills')
    .option('--connection <connection>', 'only of this connection', wholeNumber)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('backfill list'))
    .action(async ({ connection, json }: { connection?: number; json?: boolean }) => {
      const found = await withTools(({ caller }) => listBackfills(caller, { connectionId: connection }))
      const headings = ['id', 'connection', 'from', 'to', 'state', 'read', 'of', 'asked', 'by', 'problem']
      const rows = () =>
        found.map((it) => [
          ...[it.id, it.connectionId, time(it.from), time(it.to), it.state],
          ...[it.records, it.forecast?.records ?? null, time(it.requestedAt), it.requestedBy, it.error],
        ])
      print(json, found, () => table(headings, rows(), 'There is no backfill yet. Next: backfill start'))
    })

  group
    .command('show')
    .description('show one backfill: how far it is and what became of what it read')
    .argument('<backfill>', 'its number', wholeNumber)
    .option('--watch', 'until it is over')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('backfill show 1', 'backfill show 1 --watch'))
    .action(async (id: number, { watch, json }: { watch?: boolean; json?: boolean }) => {
      const view = await withTools(async ({ caller }) => {
        const found = await showBackfill(caller, id)
        return watch ? watchBackfill(caller, id, { over: (it) => isTried(it) && it.state !== 'running', quiet: json }) : found
      })
      print(json, view, () => described(view))
    })

  const steps = {
    pause: ['read no further for now; what was read goes its way', pauseBackfill],
    resume: ['go on after a pause or a failure, or send what a dry run has found', goOn],
    cancel: ['end it; what was read stays and goes its way', cancelBackfill],
  } as const
  for (const [name, [description, step]] of Object.entries(steps)) {
    group
      .command(name)
      .description(description)
      .argument('<backfill>', 'its number', wholeNumber)
      .option('--json', 'print JSON')
      .addHelpText('after', examples(`backfill ${name} 1`))
      .action(async (id: number, { json }: { json?: boolean }) => {
        const view = await withTools(({ caller }) => step(caller, id))
        print(json, view, () => `Backfill ${id} is "${view.state}".`)
      })
  }
}

const isTried = ({ state }: BackfillView) => state !== 'planned' && state !== 'dry_running'

async function goOn(caller: Caller, id: number): Promise<BackfillView> {
  const { state } = await showBackfill(caller, id)
  return state === 'ready' ? confirmBackfill(caller, id) : resumeBackfill(caller, id)
}

/** The progress of one that was confirmed, to its end. */
async function follow(caller: Caller, { id }: BackfillView, quiet: boolean | undefined): Promise<BackfillView> {
  const view = await watchBackfill(caller, id, { over: ({ state }) => state !== 'running', quiet })
  if (view.state === 'failed') throw ended(view)
  return view
}

async function agreed(): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await lines.question('Send this? [y/N] ')).trim())
  } finally {
    lines.close()
  }
}

function ended({ id, state, error, errorText }: BackfillView): Error {
  return state === 'failed'
    ? problem(error ?? 'backfill_failed', `Backfill ${id} failed: ${errorText} Afterwards: backfill resume ${id}`)
    : problem('backfill_ended', `Backfill ${id} is "${state}".`)
}

function described(view: BackfillView): string {
  const { id, connectionId, state, from, to, forecast, counts, confirmedAt, errorText } = view
  const lines = [`Backfill ${id} of connection ${connectionId}, ${time(from)} to ${time(to)}, is "${state}".`]
  if (state === 'failed') lines.push(`Problem: ${errorText}`)
  if (confirmedAt !== null) {
    lines.push(progressLine(view), '', countsTable(counts, 'on its way', 'Nothing came of it: everything was known before.'))
  } else if (forecast !== null) {
    lines.push(
      `It read ${forecast.records} records with ${forecast.stages} stages; ${forecast.refused} could not be read.`,
      'What is new of it:',
      '',
      countsTable(forecast.counts, 'to be sent', 'Nothing: everything is known already.'),
    )
  }
  return lines.join('\n')
}
