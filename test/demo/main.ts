/**
 * `npm run demo`: the real server between stand-ins for the CRMs and for Meta, and 100 leads in each CRM that walk down the funnel
 * of Meta's conversion leads guide. `--exit` ends it by itself, `--json` prints the result as one JSON object.
 */
import { constants } from 'node:os'
import { parseArgs } from 'node:util'
import { startHubSpotSource } from './hubspot.ts'
import { install } from './install.ts'
import { judge } from './judge.ts'
import { lookAround } from './look-around.ts'
import { startPageSource } from './meta-page.ts'
import { closing, isGood, problemLines, progressBlock, progressLine, table } from './report.ts'
import { startSalesforceSource } from './salesforce.ts'
import { openScreen } from './screen.ts'
import { type Stack, startStack } from './stack.ts'
import { readSent, walkAndWatch } from './watch.ts'

/** The leads of the page go to these. */
const crms = ['HubSpot', 'Salesforce']
/** From start to verdict, milliseconds. */
const patienceMs = 240_000

const help = `npm run demo [-- --exit] [--json]
  --exit  end after the walk; exit code 0 only when every event arrived once and correct
  --json  print the result as one JSON object on standard output, and nothing else there
`
const options = readOptions()
const screen = openScreen(options.json === true)
let stop: () => Promise<void> = async () => undefined
/** Exit code of a walk that is over. */
let result: number | undefined

/** Resolves with the first signal that asks to end; a second one ends the process at once, and its children notice. */
const interrupted = new Promise<NodeJS.Signals>((end) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end)
})

async function run(): Promise<number> {
  const started = Date.now()
  screen.say('', screen.paint('bold', 'Leadstage demo: from a stage change in the CRM to a conversion event at Meta'), '')
  const stack = await startStack(
    [() => startHubSpotSource(faults()), startSalesforceSource, (meta) => startPageSource(meta, crms)],
    (way) => {
      stop = way
    },
  )
  const seconds = () => `${((Date.now() - started) / 1000).toFixed(1)} s`
  screen.say(`  The server, its PostgreSQL and the stand-ins are up (${seconds()}).`)
  await install(stack)
  const names = crms.join(' and ')
  screen.say(`  One workspace connects ${names} and a Facebook page with a Meta dataset (${seconds()}).`, '')
  result = (await walk(stack, started)) ? 0 : 1
  if (options.exit) return result
  screen.tell(...(await lookAround(stack)))
  return stack.server.died
}

/** An error's message, and that of its cause: a failed fetch says why only there. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

function readOptions() {
  try {
    return parseArgs({ options: { exit: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' } } }).values
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${help}`)
    process.exit(2)
  }
}

/** Faults on purpose, so that tests see the demo fail. */
function faults() {
  return { loseLastWebhook: process.env.DEMO_LOSE_LAST_WEBHOOK === '1' }
}

async function walk(stack: Stack, started: number): Promise<boolean> {
  const seen = await walkAndWatch(stack, started + patienceMs, (observed) =>
    screen.progress(
      () => progressBlock(observed, stack.sources, screen.paint),
      () => progressLine(observed),
    ),
  )
  screen.settle()
  const verdict = judge(seen.changes, seen.received, await readSent(stack))
  const traffic = await Promise.all(stack.sources.map((source) => source.traffic()))
  const told = Object.fromEntries(stack.sources.map(({ name }, index) => [name, traffic[index]]))
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ ...verdict, told, timedOut: seen.late, seconds: (Date.now() - started) / 1000 })}\n`)
  }
  screen.say(
    '',
    ...traffic.map(({ sentence }) => `  ${sentence}`),
    '',
    ...table(verdict, screen.paint),
    '',
    ...closing(verdict, screen.paint),
  )
  const late = seen.late ? [`  Time is up after ${patienceMs / 1000} seconds; this is what was there.`] : []
  const good = isGood(verdict) && !seen.late
  if (!good) screen.complain(...late, ...problemLines(verdict.problems))
  return good
}

if (options.help) process.stdout.write(help)
else {
  let signal: NodeJS.Signals | undefined
  const ending = interrupted.then((first) => {
    signal = first
    // After the walk Ctrl-C is the usual end.
    return first === 'SIGINT' && result !== undefined ? result : 128 + constants.signals[first]
  })
  const work = run().catch((error: unknown) => {
    if (signal === undefined) screen.complain(describe(error))
    return 1
  })
  const code = await Promise.race([work, ending])
  screen.settle()
  await stop()
  process.exit(code)
}
