import type { Command } from 'commander'
import { CodedError } from '../../connectors/errors.ts'
import type { stageMapping } from '../../mappings/stage-mapping.ts'
import { mappingCsv } from '../settings/export-mapping.ts'
import { type MappingView, mappingHistory, proposeMapping, readMapping, setMapping, showMapping } from '../settings/mappings.ts'
import { problem } from '../settings/problem.ts'
import { examples } from './example.ts'
import { readJson, wholeNumber } from './input.ts'
import { print, table, time } from './output.ts'
import { withTools } from './tools.ts'

/** `mapping show|set|export|propose|history`. */
export function addMappingCommands(program: Command): void {
  const group = program.command('mapping').description('which CRM stage is which event at Meta')

  group
    .command('show')
    .description('show the mapping beside the stages that the CRM has now')
    .argument('<connection>', 'its number', wholeNumber)
    .option('--json', 'print JSON')
    .option('--file', 'print only what `mapping set` takes')
    .addHelpText('after', examples('mapping show 1', 'mapping show 1 --file > mapping.json'))
    .action(async (id: number, { json, file }: { json?: boolean; file?: boolean }) => {
      if (file) {
        const { mapping } = await withTools(({ caller }) => readMapping(caller, id))
        return print(true, mapping, () => '')
      }
      const shown = await withTools(({ caller, connections }) => showMapping(caller, id, connections))
      print(json, shown, () => described(shown))
    })

  group
    .command('set')
    .description('save a new version of the whole mapping')
    .argument('<connection>', 'its number', wholeNumber)
    .requiredOption('--version <version>', 'the version that was changed; refused when it is no longer the current one', versionNumber)
    .option('--file <file>', 'JSON as `mapping show --file` prints it; - is standard input', '-')
    .option('--yes', 'give up event names that have been sent')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('mapping set 1 --version 1 --file mapping.json'))
    .action(
      async (connectionId: number, { version, file, yes, json }: { version: number; file: string; yes?: boolean; json?: boolean }) => {
        const body = await readJson(file)
        const saved = await withTools(({ caller }) => setMapping(caller, { connectionId, version, body, confirmed: yes }).catch(offerYes))
        print(json, saved, () => `The mapping of connection ${connectionId} is saved as version ${saved.version}.`)
      },
    )

  group
    .command('export')
    .description('print the saved mapping as CSV, for people and spreadsheets')
    .argument('<connection>', 'its number', wholeNumber)
    .addHelpText('after', examples('mapping export 1 > mapping.csv'))
    .action(async (id: number) => {
      const { mapping } = await withTools(({ caller }) => readMapping(caller, id))
      process.stdout.write(mappingCsv(mapping))
    })

  group
    .command('propose')
    .description('print the default mapping for the stages that the CRM has now; nothing is saved')
    .argument('<connection>', 'its number', wholeNumber)
    .addHelpText('after', examples('mapping propose 1 > mapping.json'))
    .action(async (id: number) => {
      print(true, await withTools(({ caller, connections }) => proposeMapping(caller, id, connections)), () => '')
    })

  group
    .command('history')
    .description('list the versions of the mapping')
    .argument('<connection>', 'its number', wholeNumber)
    .option('--json', 'print JSON, with the mappings')
    .addHelpText('after', examples('mapping history 1'))
    .action(async (id: number, { json }: { json?: boolean }) => {
      const versions = await withTools(({ caller }) => mappingHistory(caller, id))
      const rows = () =>
        versions.map(({ version, createdAt, createdBy, mapping }) => [version, time(createdAt), createdBy, names(mapping).join(', ')])
      print(json, versions, () => table(['version', 'saved', 'by', 'events'], rows(), 'No mapping is saved yet. Next: mapping set'))
    })
}

/** Version 0 is "none saved yet". */
function versionNumber(given: string): number {
  return given === '0' ? 0 : wholeNumber(given)
}

/** Only the command line has this way out to offer. */
function offerYes(error: unknown): never {
  if (!(error instanceof CodedError) || error.code !== 'mapping_renames_sent') throw error
  throw problem(error.code, `${error.userText} To do it, repeat the command with --yes.`, error)
}

function described({ connectionId, version, rawLead, stages, unmapped, liveProblem }: MappingView): string {
  const rows = stages.map((it) => [
    ...[it.source, it.pipelineId ?? null, it.stageId, it.label],
    ...[it.eventName ?? 'off', [it.negative && 'negative', it.sendAmount && 'with amount'].filter(Boolean).join(', ')],
    { live: null, unknown: null, archived: 'archived in the CRM', vanished: 'no longer in the CRM' }[it.state],
  ])
  const lines = [
    `Mapping of connection ${connectionId}, ${version === 0 ? 'none saved yet' : `version ${version}`}.`,
    `New leads: ${rawLead.enabled ? rawLead.eventName : 'off'}.`,
    '',
    table(['source', 'pipeline', 'stage', 'label', 'event', 'kind', 'note'], rows, 'No stage is listed.'),
  ]
  if (unmapped.length > 0) {
    const missing = unmapped.map((it) => [it.source, it.pipelineId ?? null, it.stageId, it.label, it.group])
    lines.push('', 'Not in the mapping, so not sent:', table(['source', 'pipeline', 'stage', 'label', 'of'], missing, ''))
  }
  if (liveProblem !== undefined) lines.push('', `The stages of the CRM could not be read: ${liveProblem}`)
  return lines.join('\n')
}

function names({ rawLead, stages }: ReturnType<typeof stageMapping.parse>): string[] {
  const sent = stages.flatMap(({ eventName, negative }) => (eventName === null || negative ? [] : [eventName]))
  return [...new Set([...(rawLead.enabled ? [rawLead.eventName] : []), ...sent])]
}
