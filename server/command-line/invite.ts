import type { Command } from 'commander'
import { connectors } from '../../connectors/registry.ts'
import { invite, type NewInvite } from '../settings/invite.ts'
import { problem } from '../settings/problem.ts'
import { examples } from './example.ts'
import { wholeNumber } from './input.ts'
import { print, time } from './output.ts'
import { withTools } from './tools.ts'

interface Options {
  workspace?: string
  connection?: number
  host?: string
  hours: number
  json?: boolean
}

/** `invite <what>`. */
export function addInviteCommand(program: Command): void {
  const known = Object.keys(connectors).filter((id) => connectors[id]?.install !== undefined)
  program
    .command('invite')
    .description('make a link by which an admin connects a CRM account or a dataset, without an account here')
    .argument('[what]', `${known.join(', ')}, or dataset`)
    .option('--workspace <workspace>', 'id or name')
    .option('--connection <id>', 'connect this one again, instead of <what> and --workspace', wholeNumber)
    .option('--host <host>', 'where the account signs in, for CRMs with several such places (sandbox, or its own domain)')
    .option('--hours <hours>', 'how long the link is good', wholeNumber, 72)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('invite hubspot --workspace Acme', 'invite dataset --workspace Acme', 'invite --connection 3'))
    .action(async (what: string | undefined, { workspace, hours, json, ...rest }: Options) => {
      const made = await withTools(({ caller, apps, config: { publicUrl } }) =>
        invite(caller, { workspace, what: whatFor(what, rest), hours }, { apps, publicUrl }),
      )
      print(json, made, () => `Send this link to the admin; it works once, until ${time(made.expiresAt)}:\n${made.url}`)
    })
}

function whatFor(what: string | undefined, { connection, host }: Pick<Options, 'connection' | 'host'>): NewInvite['what'] {
  if (connection !== undefined) return { connectionId: connection }
  if (what === undefined) throw problem('invalid_input', 'Say what is to be connected: a CRM, dataset, or --connection <id>.')
  return what === 'dataset' ? 'dataset' : { crm: what, ...(host !== undefined && { host }) }
}
