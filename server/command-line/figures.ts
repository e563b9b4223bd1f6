import { type Command, Option } from 'commander'
import { type Counts, type Dimension, dimensions, type Figures, readFigures } from '../figures/read-figures.ts'
import { readStages, type StageReport } from '../figures/read-stages.ts'
import { type DatasetWay, readWay } from '../figures/read-way.ts'
import { percent } from '../figures/share.ts'
import { describeHours } from '../figures/suitability.ts'
import { tickStep } from '../figures/tick-step.ts'
import { type TickedStep, tickedSteps } from '../figures/way.ts'
import { findWorkspace } from '../settings/find.ts'
import { examples } from './example.ts'
import { wholeNumber } from './input.ts'
import { print, table, time } from './output.ts'
import { withTools } from './tools.ts'

/** `figures show|stages|way|tick`. */
export function addFiguresCommands(program: Command): void {
  const group = program
    .command('figures')
    .description('how it goes: leads, events, coverage, stages, and the way to a campaign that has learned')

  group
    .command('show')
    .description('leads, events and coverage of the last days')
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--days <days>', 'how many days up to today', wholeNumber, 28)
    .addOption(new Option('--by <what>', 'what to tell apart').choices(dimensions).default('day'))
    .option('--json', 'print JSON')
    .addHelpText('after', examples('figures show --workspace Acme', 'figures show --workspace Acme --days 90 --by campaign'))
    .action(async ({ json, ...which }: { workspace: string; days: number; by: Dimension; json?: boolean }) => {
      const figures = await withTools(({ caller }) => readFigures(caller, which))
      print(json, figures, () => figuresText(figures))
    })

  group
    .command('stages')
    .description("which stage suits as the one that Meta looks for, by Meta's conditions and what the leads did")
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('figures stages --workspace Acme'))
    .action(async ({ workspace, json }: { workspace: string; json?: boolean }) => {
      const report = await withTools(({ caller }) => readStages(caller, workspace))
      print(json, report, () => stagesText(report))
    })

  group
    .command('way')
    .description('how far each dataset has come on its way from the first event to a campaign that has learned')
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('figures way --workspace Acme'))
    .action(async ({ workspace, json }: { workspace: string; json?: boolean }) => {
      const ways = await withTools(({ caller }) => readWay(caller, workspace))
      print(json, ways, () => ways.map(wayText).join('\n\n') || 'There is no dataset yet. Next: dataset set')
    })

  group
    .command('tick')
    .description('say that a step of the way, which only Meta shows, is done')
    .argument('<dataset>', "Meta's id of the dataset, or its number here")
    .addOption(new Option('--step <step>', 'which').choices(tickedSteps).makeOptionMandatory())
    .option('--workspace <workspace>', 'where several workspaces use the dataset')
    .option('--undo', 'it is not done after all')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('figures tick 1234567890123456 --step seen'))
    .action(async (dataset: string, { step, workspace, undo, json }: TickOptions) => {
      const ticked = await withTools(async ({ caller }) => {
        const workspaceId = workspace === undefined ? undefined : (await findWorkspace(caller, workspace)).id
        return tickStep(caller, { dataset, workspaceId, step, done: !undo })
      })
      const now = undo ? 'is not ticked' : 'is ticked'
      print(json, ticked, () => (ticked.changed ? `The step "${step}" ${now} now.` : `The step "${step}" ${now} already.`))
    })
}

interface TickOptions {
  step: TickedStep
  workspace?: string
  undo?: boolean
  json?: boolean
}

function figuresText(figures: Figures): string {
  const { from, to, timeZone, asOf, coverage, lines } = figures
  const when = asOf === null ? 'nothing has been counted yet' : `as of ${time(asOf)}`
  const list = lines.length === 0 ? 'Nothing happened in these days.' : figures.by === 'key' ? keysTable(figures) : linesTable(figures)
  return `${from} to ${to} (${timeZone}), ${when}\n${coverage.text}\n\n${list}`
}

function linesTable({ by, lines, total }: Figures): string {
  const row = (name: string, it: Counts) => [name, it.leads, it.covered, it.sent, it.unconfirmed + it.rejected + it.expired, it.suppressed]
  // Stages follow each other: their leads are the same ones.
  const sum = by === 'stage' || by === 'event' || by === 'dataset' ? [] : [row('all', total)]
  return table([by, 'leads', 'with an event', 'sent', 'not taken', 'not sent'], [...lines.map((line) => row(line.name, line)), ...sum], '')
}

function keysTable({ lines, total }: Figures): string {
  const rows = lines.map(({ name, leads, sent }) => [name, leads, sent, total.sent === 0 ? null : percent(sent / total.sent)])
  return table(['told by', 'leads', 'sent', 'of all sent'], rows, '')
}

const verdicts = { met: 'met', not_met: 'not met', too_little_data: 'too little data' }

function stagesText({ from, to, matureLeads, stages, common, text }: StageReport): string {
  const rows = stages.map(({ eventName, reachedIn28Days, share, reached, medianHours, perMonth, covered, conditions }) => [
    ...[eventName, reachedIn28Days, share === null ? null : percent(share), reached === 0 ? null : describeHours(medianHours)],
    ...[perMonth, covered, ...conditions.map(({ state }) => verdicts[state])],
  ])
  const headings = ['stage', 'in 28 days', 'of all', 'half of them in', 'a month', 'reported', '1 to 40 %', '28 days']
  const list = table(headings, rows, 'No stage is mapped yet. Next: mapping set')
  const others = common.map((it) => `${`${verdicts[it.state]}:`.padEnd(16)} ${it.text}`).join('\n')
  return [`${matureLeads} leads of ${from} to ${to}, which have all had 28 days`, list, others, text].join('\n\n')
}

function wayText({ metaId, day, steps }: DatasetWay): string {
  const states = { done: 'done', next: 'TO DO', waiting: 'waiting', later: 'later' }
  const lines = steps.map(({ step, title, state, since, known, onlyMetaShows, next, tick }) =>
    [
      `${states[state].padEnd(7)} ${title} (${step})${since === null ? '' : `, since ${since.slice(0, 10)}`}${tick ? `, as ${tick.by} said` : ''}`,
      ...(state === 'done' || state === 'later'
        ? []
        : [known, onlyMetaShows, next].flatMap((text) => (text === null ? [] : [`        ${text}`]))),
    ].join('\n'),
  )
  return [`Dataset ${metaId}: ${day === null ? 'nothing was accepted yet' : `day ${day} of about 60`}`, ...lines].join('\n')
}
