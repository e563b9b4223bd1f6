import { type Command, Option } from 'commander'
import { listRoutes, type RouteFilter, removeRoute, type SetRoute, setRoute } from '../settings/routes.ts'
import { examples } from './example.ts'
import { several, wholeNumber } from './input.ts'
import { print, table } from './output.ts'
import { withTools } from './tools.ts'

interface SetOptions {
  connection: number
  dataset: string
  live?: boolean
  shadow?: boolean
  pipeline?: string[]
  recordType?: string[]
  everything?: boolean
  json?: boolean
}

/** `route set|list|remove`. */
export function addRouteCommands(program: Command): void {
  const group = program.command('route').description('which connection feeds which dataset')

  group
    .command('set')
    .description('add or change a route; a new one lets everything pass and is live, but for sandboxes (shadow)')
    .requiredOption('--connection <connection>', 'its number', wholeNumber)
    .requiredOption('--dataset <dataset>', "Meta's id of the dataset, or its number here")
    .addOption(new Option('--live', 'send').conflicts('shadow'))
    .option('--shadow', 'do everything but the sending')
    .option('--pipeline <id>', 'only this pipeline; may be repeated', several)
    .option('--record-type <type>', 'only this type of record; may be repeated', several)
    .addOption(new Option('--everything', 'take the filter away').conflicts(['pipeline', 'recordType']))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('route set --connection 1 --dataset 1234567890123456', 'route set --connection 1 --dataset 1234567890123456 --shadow'),
    )
    .action(async (options: SetOptions) => {
      const { connection, dataset, live, shadow, json } = options
      const mode = live ? 'live' : shadow ? 'shadow' : undefined
      const set = await withTools(({ caller }) => setRoute(caller, { connectionId: connection, dataset, mode, filter: filterOf(options) }))
      print(
        json,
        set,
        () =>
          `Route ${set.id} from connection ${connection} to dataset ${dataset} is set (${set.mode}); the connection is "${set.connectionState}".${hint(set)}`,
      )
    })

  group
    .command('list')
    .description('list the routes')
    .option('--connection <connection>', 'only of this connection', wholeNumber)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('route list'))
    .action(async ({ connection, json }: { connection?: number; json?: boolean }) => {
      const found = await withTools(({ caller }) => listRoutes(caller, { connectionId: connection }))
      const rows = () => found.map((it) => [it.id, it.connectionId, `${it.crm} ${it.account}`, it.metaId, it.mode, described(it.filter)])
      const none = 'There is no route yet. Next: route set'
      print(json, found, () => table(['id', 'connection', 'account', 'dataset', 'mode', 'filter'], rows(), none))
    })

  group
    .command('remove')
    .description('remove a route; its unsent events are not sent')
    .requiredOption('--connection <connection>', 'its number', wholeNumber)
    .requiredOption('--dataset <dataset>', "Meta's id of the dataset, or its number here")
    .addHelpText('after', examples('route remove --connection 1 --dataset 1234567890123456'))
    .action(async ({ connection, dataset }: { connection: number; dataset: string }) => {
      const { connectionState } = await withTools(({ caller }) => removeRoute(caller, connection, dataset))
      const kept = connectionState === 'setup' ? ' It has no route left: its changes are kept until it has one.' : ''
      print(false, null, () => `The route from connection ${connection} to dataset ${dataset} is gone.${kept}`)
    })
}

/** What is shadowed without being asked for. */
function hint({ created, mode, sandbox }: SetRoute): string {
  if (!created || mode !== 'shadow' || !sandbox) return ''
  return ' It is a sandbox, so nothing is sent: use --live to have it sent all the same.'
}

function filterOf({ pipeline, recordType, everything }: SetOptions): RouteFilter | undefined {
  if (everything) return {}
  if (pipeline === undefined && recordType === undefined) return undefined
  return { ...(pipeline && { pipelineIds: pipeline }), ...(recordType && { recordTypes: recordType }) }
}

function described({ pipelineIds = [], recordTypes = [] }: RouteFilter): string {
  return [...pipelineIds.map((id) => `pipeline ${id}`), ...recordTypes.map((type) => `type ${type}`)].join(', ') || 'everything'
}
