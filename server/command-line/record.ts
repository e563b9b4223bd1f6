import { type Command, Option } from 'commander'
import type { RecordRef } from '../../connectors/connector.ts'
import type { Outcome } from '../database/tables.ts'
import { exportRecords } from '../settings/export-records.ts'
import { type ListedRecord, listRecords } from '../settings/list-records.ts'
import { problem } from '../settings/problem.ts'
import { recordStory } from '../settings/record-story.ts'
import { countSuppressed, reevaluate, showReevaluation } from '../settings/reevaluate.ts'
import { retryQuarantined, retryRecord } from '../settings/retry.ts'
import { countsTable } from './counts-table.ts'
import { examples } from './example.ts'
import { instant, wholeNumber } from './input.ts'
import { print, stream, table, time } from './output.ts'
import { recordRef } from './record-ref.ts'
import { storyText } from './story-text.ts'
import { withTools } from './tools.ts'

const outcomes: Outcome[] = ['pending', 'sent', 'unconfirmed', 'waiting', 'suppressed', 'rejected', 'expired']

interface ListOptions {
  connection?: number
  outcome?: Outcome
  reason?: string
  since?: Date
  limit: number
  after?: string
  json?: boolean
}

/** `record list|export|show|retry|reevaluate`. */
export function addRecordCommands(program: Command): void {
  const group = program.command('record').description('what became of each record')

  group
    .command('list')
    .description('list stage changes with their outcomes, the latest first')
    .option('--connection <connection>', 'only of this connection', wholeNumber)
    .addOption(new Option('--outcome <outcome>', 'only with this outcome').choices(outcomes))
    .option('--reason <code>', 'only with this reason')
    .option('--since <time>', 'only changes since then (ISO 8601)', instant)
    .option('--limit <count>', 'how many, at most 1000', wholeNumber, 50)
    .option('--after <place>', 'go on where a list ended')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('record list', 'record list --outcome rejected --since 2026-01-31'))
    .action(async ({ connection, json, ...filter }: ListOptions) => {
      const page = await withTools(({ caller }) => listRecords(caller, { ...filter, connectionId: connection }))
      print(json, page, () => {
        const headings = ['changed', 'connection', 'record', 'stage', 'event', 'dataset', 'outcome', 'reason']
        const list = table(headings, page.records.map(rowOf), 'Nothing is here yet.')
        return page.next === undefined ? list : `${list}\n\nMore: --after ${page.next}`
      })
    })

  group
    .command('export')
    .description('print stage changes with their outcomes as CSV, the latest first')
    .option('--connection <connection>', 'only of this connection', wholeNumber)
    .addOption(new Option('--outcome <outcome>', 'only with this outcome').choices(outcomes))
    .option('--reason <code>', 'only with this reason')
    .option('--since <time>', 'only changes since then (ISO 8601)', instant)
    .addHelpText('after', examples('record export --connection 1 > records.csv'))
    .action(async ({ connection, ...filter }: Omit<ListOptions, 'limit' | 'after' | 'json'>) => {
      await withTools(({ caller }) => stream(exportRecords(caller, { ...filter, connectionId: connection })))
    })

  group
    .command('show')
    .description('tell the story of one record: what arrived, whose lead it is, what was sent, what Meta said, or why not')
    .argument('<record>', 'type/id as the CRM has them, for example contact/101', recordRef)
    .option('--connection <connection>', 'where several connections have such a record', wholeNumber)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('record show contact/101'))
    .action(async (ref: RecordRef, { connection, json }: { connection?: number; json?: boolean }) => {
      const story = await withTools(({ caller }) => recordStory(caller, { ref, connectionId: connection }))
      print(json, story, () => storyText(story))
    })

  group
    .command('retry')
    .description('have the unsent changes of a record judged anew, or take changes that were set aside back into the inbox')
    .argument('[record]', 'type/id as the CRM has them', recordRef)
    .option('--connection <connection>', 'where several connections have such a record', wholeNumber)
    .option('--event <id>', 'only this event')
    .addOption(new Option('--quarantined', 'all changes of the connection that were set aside').conflicts('event'))
    .option('--json', 'print JSON')
    .addHelpText('after', examples('record retry contact/101', 'record retry --quarantined --connection 1'))
    .action(async (ref: RecordRef | undefined, options: RetryOptions) => {
      const { connection, event, quarantined, json } = options
      if (quarantined) {
        if (connection === undefined || ref !== undefined)
          throw problem('invalid_input', 'Quarantined changes are retried for a whole --connection.')
        const freed = await withTools(({ caller }) => retryQuarantined(caller, connection))
        return print(json, freed, () => `${freed.packets} packets of changes are in the inbox again.`)
      }
      if (ref === undefined) throw problem('invalid_input', 'Name the record as type/id, or use --quarantined with --connection.')
      const { retried } = await withTools(({ caller }) => retryRecord(caller, { ref, connectionId: connection, eventId: event }))
      print(json, { retried }, () => `${retried} changes of ${ref.type}/${ref.id} are judged anew by the running server.`)
    })

  group
    .command('reevaluate')
    .description('after a change of mapping, consent or rules: count what was held back in the last seven days, with --yes judge it again')
    .requiredOption('--connection <connection>', 'its number', wholeNumber)
    .option('--reason <code>', 'only what was held back for this reason')
    .option('--yes', 'really')
    .addOption(new Option('--result', 'tell what came of the last time').conflicts(['yes', 'reason']))
    .option('--json', 'print JSON')
    .addHelpText('after', examples('record reevaluate --connection 1', 'record reevaluate --connection 1 --reason stage_unmapped --yes'))
    .action(async ({ connection, reason, yes, result, json }: ReevaluateOptions) => {
      const which = { connectionId: connection, reason }
      if (result) {
        const last = await withTools(({ caller }) => showReevaluation(caller, connection))
        const head = `${last.entries} changes were judged again on ${time(last.requestedAt)}:`
        return print(json, last, () => `${head}\n\n${countsTable(last.counts, 'on its way', 'None is left.')}`)
      }
      if (yes) {
        const made = await withTools(({ caller }) => reevaluate(caller, which))
        return print(json, made, () => `${made.entries} changes are judged again by the running server. What comes of it: --result`)
      }
      const counts = await withTools(({ caller }) => countSuppressed(caller, which))
      const more = counts.length === 0 ? '' : '\n\nTo have them judged again, repeat the command with --yes.'
      print(json, counts, () => `${countsTable(counts, '', 'Nothing of the last seven days was held back.')}${more}`)
    })
}

interface ReevaluateOptions {
  connection: number
  reason?: string
  yes?: boolean
  result?: boolean
  json?: boolean
}

interface RetryOptions {
  connection?: number
  event?: string
  quarantined?: boolean
  json?: boolean
}

function rowOf(it: ListedRecord): (string | number | null)[] {
  const stage = it.stage === null ? 'new lead' : it.stage.stageId
  return [
    ...[time(it.occurredAt), it.connectionId, `${it.record.type}/${it.record.id}`, stage],
    ...[it.eventName, it.datasetId, it.outcome, it.reason],
  ]
}
