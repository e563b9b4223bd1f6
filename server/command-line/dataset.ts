import type { Command } from 'commander'
import { CodedError } from '../../connectors/errors.ts'
import { type DatasetView, listDatasets, resumeDataset, setDataset } from '../settings/datasets.ts'
import { findWorkspace } from '../settings/find.ts'
import { problem } from '../settings/problem.ts'
import { examples } from './example.ts'
import { readSecret } from './input.ts'
import { print, table, time } from './output.ts'
import { withTools } from './tools.ts'

const TOKEN = 'LEADSTAGE_DATASET_TOKEN'

/** `dataset set|list|resume`. */
export function addDatasetCommands(program: Command): void {
  const group = program.command('dataset').description('Meta datasets that events go to')

  group
    .command('set')
    .description(`add a dataset, or give it a new token; the access token comes on standard input or in ${TOKEN}`)
    .argument('<dataset>', "Meta's id of the dataset")
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--no-probe', 'do not ask Meta whether the token may see the dataset')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('dataset set 1234567890123456 --workspace Acme < token.txt'))
    .action(async (metaId: string, { workspace, probe, json }: { workspace: string; probe: boolean; json?: boolean }) => {
      const token = await readSecret(TOKEN, 'access token')
      const set = await withTools((tools) => setDataset(tools.caller, { workspace, metaId, token, probe }, tools).catch(offerNoProbe))
      const known = set.name === undefined ? 'It was not checked with Meta.' : `Meta knows it as "${set.name}".`
      print(json, set, () => `Dataset ${metaId} ${set.created ? 'is there' : 'has a new token'}. ${known}`)
    })

  group
    .command('list')
    .description('list the datasets')
    .option('--workspace <workspace>', 'only of this workspace (id or name)')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('dataset list'))
    .action(async ({ workspace, json }: { workspace?: string; json?: boolean }) => {
      const found = await withTools(async ({ caller }) =>
        listDatasets(caller, { workspaceId: workspace === undefined ? undefined : (await findWorkspace(caller, workspace)).id }),
      )
      const headings = ['id', 'workspace', 'dataset', 'state', 'unsent', 'oldest', 'what to know']
      const rows = () => found.map((it) => [it.id, it.workspace, it.metaId, it.state, it.unsent, time(it.oldest), toKnow(it)])
      print(json, found, () => table(headings, rows(), 'There is no dataset yet. Next: dataset set'))
    })

  group
    .command('resume')
    .description('send again what a held dataset kept')
    .argument('<dataset>', "Meta's id of the dataset, or its number here")
    .option('--workspace <workspace>', 'where several workspaces use the dataset')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('dataset resume 1234567890123456'))
    .action(async (ref: string, { workspace, json }: { workspace?: string; json?: boolean }) => {
      const resumed = await withTools(async ({ caller }) =>
        resumeDataset(caller, ref, workspace === undefined ? undefined : (await findWorkspace(caller, workspace)).id),
      )
      print(json, resumed, () => `Dataset ${ref} ${resumed.wasHeld ? 'sends again.' : 'was not held.'}`)
    })
}

/** Only the command line has this way out to offer. */
function offerNoProbe(error: unknown): never {
  if (!(error instanceof CodedError) || !['dataset_not_shown', 'meta_unavailable'].includes(error.code)) throw error
  throw problem(error.code, `${error.userText} With --no-probe it is stored unchecked.`, error)
}

function toKnow({ holdText, sleepUntil }: DatasetView): string | null {
  if (holdText !== null) return holdText
  return sleepUntil !== null && sleepUntil.getTime() > Date.now() ? `sends nothing before ${time(sleepUntil)}` : null
}
