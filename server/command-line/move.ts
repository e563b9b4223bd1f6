import type { Command } from 'commander'
import { exportConnection } from '../settings/connection-file.ts'
import { type ImportPlan, importConnection, planImport } from '../settings/import-connection.ts'
import { examples } from './example.ts'
import { readJson, wholeNumber } from './input.ts'
import { print } from './output.ts'
import { withTools } from './tools.ts'

interface ImportOptions {
  workspace: string
  connection?: number
  yes?: boolean
  json?: boolean
}

/** `connection export|import`, added to the group `connection`. */
export function addMoveCommands(group: Command): void {
  group
    .command('export')
    .description('print settings, rules, mapping and routes as a file for another installation or account; no secrets')
    .argument('<connection>', 'its number', wholeNumber)
    .addHelpText('after', examples('connection export 1 > connection.json'))
    .action(async (id: number) => {
      print(true, await withTools(({ caller }) => exportConnection(caller, id)), () => '')
    })

  group
    .command('import')
    .description('take settings, rules, mapping and routes over from a file; without --yes, only tell what would change')
    .argument('<file>', 'as `connection export` prints it; - is standard input')
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--connection <connection>', 'into this one, where the workspace has several of the CRM', wholeNumber)
    .option('--yes', 'really')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('connection import connection.json --workspace Acme', 'connection import - --workspace Acme --yes'))
    .action(async (path: string, { workspace, connection, yes, json }: ImportOptions) => {
      const wanted = { file: await readJson(path), workspace, ...(connection !== undefined && { connectionId: connection }) }
      const plan = await withTools(({ caller, connections }) =>
        yes ? importConnection(caller, { ...wanted, confirmed: true }, connections) : planImport(caller, wanted, connections),
      )
      print(json, plan, () =>
        [...described(plan), yes ? 'It is done.' : 'Nothing is changed yet. To do it, repeat the command with --yes.'].join('\n'),
      )
    })
}

function described(plan: ImportPlan): string[] {
  const { connectionId, crm, accounts, renamed, unknownStages, catchUpMinutes } = plan
  const show = (value: unknown) => (value === null ? 'the default' : JSON.stringify(value))
  const values = (what: string, list: ImportPlan['rules']) =>
    list.map(({ name, from, to }) => `${what} ${name}: ${show(from)} becomes ${show(to)}`)
  const mapping = {
    same: [],
    none: ['mapping: the file has none; it stays as it is'],
    new: [`mapping: version ${plan.mappingVersion + 1} takes over that of the file`],
  }[plan.mapping]
  const routes = plan.routes.map(({ dataset, mode, change }) => {
    if (change === 'no_dataset')
      return `route to ${dataset}: left out, the workspace has no such dataset; add it (dataset set) and import again`
    return `route to ${dataset} (${mode}): ${{ new: 'new', changed: 'changed', same: 'stays as it is' }[change]}`
  })
  return [
    `From the ${crm} account ${accounts.from} into connection ${connectionId}, account ${accounts.to}:`,
    ...values('setting', plan.settings),
    ...values('rule', plan.rules),
    ...(catchUpMinutes ? [`catch-up: every ${catchUpMinutes.from ?? 'default'} minutes becomes ${catchUpMinutes.to ?? 'default'}`] : []),
    ...mapping,
    ...renamed.map(({ from, to, where }) => `  ${where}: "${from}" ${to === null ? 'is not sent any more' : `becomes "${to}"`}`),
    ...(unknownStages === null ? ['  whether the account has these stages is not known: it could not be asked'] : []),
    ...(unknownStages ?? []).map((stage) => `  the account has no stage "${stage}"; its line does nothing there`),
    ...routes,
  ]
}
