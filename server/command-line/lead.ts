import { open } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import type { MissingLead } from '../leads/missing.ts'
import { countLead, type Erased, eraseLead } from '../settings/erase-lead.ts'
import { exportLead } from '../settings/export-lead.ts'
import type { LeadName } from '../settings/find-lead.ts'
import { importLeads, type LeadImport } from '../settings/import-leads.ts'
import { exportMissingLeads, listMissingLeads, type MissingPage, NOT_TOLD, setMissingAfter } from '../settings/missing-leads.ts'
import { problem } from '../settings/problem.ts'
import { examples } from './example.ts'
import { readSecret, wholeNumber } from './input.ts'
import { facts, print, stream, table, time } from './output.ts'
import { recordRef } from './record-ref.ts'
import { withTools } from './tools.ts'

const LEAD = 'LEADSTAGE_LEAD'
const words = { 'lead-id': 'Meta lead id', email: 'e-mail address', phone: 'phone number with country code', record: 'record, as type/id' }

interface Options {
  workspace: string
  by: LeadName['by']
  connection?: number
  yes?: boolean
  json?: boolean
}

/** `lead erase|export|import|missing`. */
export function addLeadCommands(program: Command): void {
  const group = program
    .command('lead')
    .description(`what is held about one person (whom is asked for, or comes on standard input or in ${LEAD}), and Meta’s own leads`)

  addNaming(group.command('erase'))
    .description('forget a person everywhere in a workspace, for good; without --yes, only tell how much there is')
    .option('--yes', 'really')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('lead erase --workspace Acme --by email', 'lead erase --workspace Acme --by record --yes < record.txt'))
    .action(async (options: Options) => {
      const name = await readName(options)
      const { workspace, yes, json } = options
      const erased = await withTools(({ caller, vault }) =>
        yes ? eraseLead(caller, workspace, name, vault) : countLead(caller, workspace, name),
      )
      print(
        json,
        erased,
        () =>
          `${counted(erased)} ${yes ? 'forgotten. They are kept from coming back.' : 'would be forgotten. To do it, repeat the command with --yes.'}`,
      )
    })

  addNaming(group.command('export'))
    .description('print everything that is held about a person, as JSON')
    .addHelpText('after', examples('lead export --workspace Acme --by phone > person.json'))
    .action(async (options: Options) => {
      const name = await readName(options)
      print(true, await withTools(({ caller, vault }) => exportLead(caller, options.workspace, name, vault)), () => '')
    })

  addMetaLeadCommands(group)
}

interface ImportOptions {
  workspace: string
  country?: string
  yes?: boolean
  json?: boolean
}

/** `lead import|missing`: leads as Meta has them. */
function addMetaLeadCommands(group: Command): void {
  group
    .command('import')
    .description(
      'keep the lead ids of a table exported from Meta or from a tool, so that records find theirs; without --yes, only tell what would happen',
    )
    .argument('<file>', 'CSV, with a column "id" or "lead_id" and one of addresses or numbers')
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--country <country>', 'reads phone numbers without a country code: DE, for instance')
    .option('--yes', 'really')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('lead import leads.csv --workspace Acme', 'lead import leads.csv --workspace Acme --country DE --yes'))
    .action(async (path: string, { workspace, country, yes: keep = false, json }: ImportOptions) => {
      const given = { workspace, keep, ...(country && { country }) }
      const result = await withTools(async ({ caller, vault }) => {
        const file = await open(path).catch((error: NodeJS.ErrnoException) => {
          throw problem('file_unreadable', `${path} cannot be read (${error.code}).`)
        })
        return importLeads(caller, given, file.createReadStream(), vault)
      })
      print(json, result, () => importText(result, keep))
    })

  group
    .command('missing')
    .description('list Meta’s leads of the last week that have not reached the CRM in time')
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--after <minutes>', 'from now on, miss them after so many minutes; 0: never', wholeNumber)
    .addOption(new Option('--csv', 'print all of them as CSV').conflicts(['after', 'json']))
    .option('--json', 'print JSON')
    .addHelpText('after', examples('lead missing --workspace Acme', 'lead missing --workspace Acme --after 120'))
    .action(async ({ workspace, after, csv, json }: { workspace: string; after?: number; csv?: boolean; json?: boolean }) => {
      if (csv) return withTools(({ caller }) => stream(exportMissingLeads(caller, workspace)))
      const found = await withTools(async ({ caller }) => {
        if (after !== undefined) await setMissingAfter(caller, workspace, after)
        return listMissingLeads(caller, workspace)
      })
      print(json, found, () => missingText(found))
    })
}

function importText(result: LeadImport, kept: boolean): string {
  const { leads, fresh, known, tests, erased, matched, records, unreadable, lines } = result
  const text = [
    facts([
      ['leads', leads],
      ['new', fresh],
      ['known', known],
      ['test leads', tests],
      ['left out, because the person asked to be forgotten', erased],
      ['CRM records that find their lead', matched],
      ['unreadable lines', unreadable],
    ]),
  ]
  if (records.length > 0) {
    const found = records.map(({ connectionId, record, metaLeadId }) => [connectionId, `${record.type}/${record.id}`, metaLeadId])
    text.push(table(['connection', 'record', 'lead id'], found, ''))
  }
  if (lines.length > 0) {
    text.push(
      table(
        ['line', 'problem'],
        lines.map(({ line, text }) => [line, text]),
        '',
      ),
    )
  }
  text.push(kept ? 'This is kept now.' : 'Nothing was changed. To keep it, repeat the command with --yes.')
  return text.join('\n\n')
}

function missingText({ afterMinutes, isTold, hindrance, leads, next }: MissingPage): string {
  if (afterMinutes === 0) return 'Leads are not missed here. To change that: --after 60'
  if (hindrance !== null) return hindrance.text
  if (!isTold && leads.length === 0) return NOT_TOLD
  const named = (it: MissingLead['form']) => it && (it.name ?? it.id)
  const rows = leads.map((it) => [
    ...[time(it.generatedAt), it.metaLeadId, named(it.form), named(it.campaign), named(it.ad)],
    it.knownBefore ? 'yes, from before' : 'no',
  ])
  const headings = ['generated', 'lead id', 'form', 'campaign', 'ad', 'person in the CRM']
  const list = table(headings, rows, `Every lead of the last week was in the CRM within ${afterMinutes} minutes.`)
  return next === undefined ? list : `${list}\n\nThere are older ones. All of them: --csv`
}

function addNaming(command: Command): Command {
  return command
    .requiredOption('--workspace <workspace>', 'id or name')
    .addOption(new Option('--by <what>', 'by what the person is named').choices(Object.keys(words)).makeOptionMandatory())
    .option('--connection <connection>', 'for records, where several connections have one of that name', wholeNumber)
}

/** Not an argument: those stay in shell histories and show in process lists, and a person who is to be forgotten must not. */
async function readName({ by, connection }: Options): Promise<LeadName> {
  if (connection !== undefined && by !== 'record') throw problem('invalid_input', '--connection goes with --by record only.')
  const value = await readSecret(LEAD, words[by])
  return by === 'record' ? { by, ref: recordRef(value), ...(connection !== undefined && { connectionId: connection }) } : { by, value }
}

const counted = ({ leads, records }: Erased) =>
  `${leads} ${leads === 1 ? 'lead' : 'leads'} and ${records} CRM ${records === 1 ? 'record' : 'records'}`
