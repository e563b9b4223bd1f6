import { type Command, Option } from 'commander'
import { countLead, type Erased, eraseLead } from '../settings/erase-lead.ts'
import { exportLead } from '../settings/export-lead.ts'
import type { LeadName } from '../settings/find-lead.ts'
import { problem } from '../settings/problem.ts'
import { examples } from './example.ts'
import { readSecret, wholeNumber } from './input.ts'
import { print } from './output.ts'
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

/** `lead erase|export`. */
export function addLeadCommands(program: Command): void {
  const group = program
    .command('lead')
    .description(`what is held about one person; whom is asked for, or comes on standard input or in ${LEAD}, never as an argument`)

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
