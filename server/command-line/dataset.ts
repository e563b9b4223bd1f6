import { type Command, Option } from 'commander'
import { CodedError } from '../../connectors/errors.ts'
import type { CrmDataset } from '../database/tables.ts'
import { answerCrmDataset } from '../settings/crm-dataset.ts'
import { type DatasetView, listDatasets, resumeDataset, type SetDataset, setDataset } from '../settings/datasets.ts'
import { findDataset, findWorkspace } from '../settings/find.ts'
import { leaveDataset } from '../settings/leave-dataset.ts'
import { problem } from '../settings/problem.ts'
import { datasetTools } from './dataset-tools.ts'
import { examples } from './example.ts'
import { readSecret } from './input.ts'
import { facts, print, table, time } from './output.ts'
import { type Tools, withTools } from './tools.ts'

const TOKEN = 'LEADSTAGE_DATASET_TOKEN'

interface SetOptions {
  workspace: string
  shared?: boolean
  probe: boolean
  testEvent?: string
  crm?: CrmDataset
  json?: boolean
}

const crmAnswers: CrmDataset[] = ['yes', 'no', 'unknown']

/** `dataset set|list|show|crm|resume|leave`. */
export function addDatasetCommands(program: Command): void {
  const group = program.command('dataset').description('Meta datasets that events go to')

  group
    .command('set')
    .description(`add a dataset, or give it a new token; the access token comes on standard input or in ${TOKEN}`)
    .argument('<dataset>', "Meta's id of the dataset")
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--shared', 'it is shared with the business of this server: no token is needed')
    .option('--no-probe', 'do not ask Meta whether the token may see the dataset')
    .option('--test-event <code>', 'where Meta does not show it: send an event of a real lead with this code of "Test events"; it counts')
    .addOption(
      new Option('--crm <answer>', 'whether it is a dataset for CRM events (Settings shows "Conversion Leads")').choices(crmAnswers),
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'dataset set 1234567890123456 --workspace Acme --crm yes < token.txt',
        'dataset set 1234567890123456 --workspace Acme --shared',
        'dataset set 1234567890123456 --workspace Acme --test-event TEST12345 < token.txt',
      ),
    )
    .action(async (metaId: string, { workspace, shared, probe, testEvent, crm, json }: SetOptions) => {
      const token = shared ? undefined : await readSecret(TOKEN, 'access token')
      const given = { workspace, metaId, token, probe, testEventCode: testEvent, ...(crm && { crmDataset: crm }) }
      const set = await withTools((tools) => setDataset(tools.caller, given, datasetTools(tools)).catch(offerMore))
      print(json, set, () =>
        [
          `Dataset ${metaId} ${set.created ? 'is there' : 'has a new token'}. ${provenText(set)}`,
          ...(crm === undefined ? [`Next: is it one for CRM events? dataset crm ${metaId} yes, no or unknown`] : []),
        ].join('\n'),
      )
    })

  group
    .command('list')
    .description('list the datasets')
    .option('--workspace <workspace>', 'only of this workspace (id or name)')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('dataset list'))
    .action(async ({ workspace, json }: { workspace?: string; json?: boolean }) => {
      const found = await withTools(async ({ caller }) => listDatasets(caller, { workspaceId: await workspaceOf(caller, workspace) }))
      const headings = ['id', 'workspace', 'dataset', 'state', 'unsent', 'oldest', 'what to know']
      const rows = () => found.map((it) => [it.id, it.workspace, it.metaId, it.state, it.unsent, time(it.oldest), toKnow(it)])
      print(json, found, () => table(headings, rows(), 'There is no dataset yet. Next: dataset set'))
    })

  group
    .command('show')
    .description('show one dataset')
    .argument('<dataset>', "Meta's id of the dataset, or its number here")
    .option('--workspace <workspace>', 'where several workspaces use the dataset')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('dataset show 1234567890123456'))
    .action(async (ref: string, { workspace, json }: { workspace?: string; json?: boolean }) => {
      const found = await withTools(async ({ caller }) => {
        const workspaceId = await workspaceOf(caller, workspace)
        const { id } = await findDataset(caller, ref, { workspaceId })
        return (await listDatasets(caller, { workspaceId })).find((dataset) => dataset.id === id) as DatasetView
      })
      print(json, found, () =>
        facts([
          ['dataset', found.metaId],
          ['number here', found.id],
          ['workspace', `${found.workspace} (${found.workspaceId})`],
          ['state', found.state],
          ['to do', toKnow(found)],
          ['opened by', accessTexts[found.access]],
          ['access ends', time(found.tokenExpiresAt)],
          ['checked with Meta', time(found.tokenCheckedAt) ?? 'not yet'],
          ['for CRM events', found.crmDataset === null ? `nobody was asked; dataset crm ${found.metaId} …` : crmTexts[found.crmDataset]],
          ['test event', found.testUntil === null ? null : `the next event, if it goes before ${time(found.testUntil)}`],
          ['unsent', found.unsent],
          ['oldest', time(found.oldest)],
        ]),
      )
    })

  group
    .command('crm')
    .description('say whether it is a dataset for CRM events: only their events count for conversion leads')
    .argument('<dataset>', "Meta's id of the dataset, or its number here")
    .argument('<answer>', 'yes, no or unknown')
    .option('--workspace <workspace>', 'where several workspaces use the dataset')
    .addHelpText('after', examples('dataset crm 1234567890123456 yes'))
    .action(async (ref: string, given: string, { workspace }: { workspace?: string }) => {
      const answer = crmAnswers.find((known) => known === given)
      if (answer === undefined) throw problem('invalid_input', 'The answer has to be yes, no or unknown.')
      await withTools(async ({ caller }) => answerCrmDataset(caller, ref, answer, await workspaceOf(caller, workspace)))
      print(false, null, () => `Noted for dataset ${ref}: ${crmTexts[answer]}.${answer === 'yes' ? '' : ' notice list says what to do.'}`)
    })

  group
    .command('resume')
    .description('send again what a held dataset kept')
    .argument('<dataset>', "Meta's id of the dataset, or its number here")
    .option('--workspace <workspace>', 'where several workspaces use the dataset')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('dataset resume 1234567890123456'))
    .action(async (ref: string, { workspace, json }: { workspace?: string; json?: boolean }) => {
      const resumed = await withTools(async ({ caller }) => resumeDataset(caller, ref, await workspaceOf(caller, workspace)))
      print(json, resumed, () => `Dataset ${ref} ${resumed.wasHeld ? 'sends again.' : 'was not held.'}`)
    })

  group
    .command('leave')
    .description('give the access to a dataset back: its token is forgotten, and nothing is sent to it any more')
    .argument('<dataset>', "Meta's id of the dataset, or its number here")
    .option('--workspace <workspace>', 'where several workspaces use the dataset')
    .option('--yes', 'really')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('dataset leave 1234567890123456 --yes'))
    .action(async (ref: string, { workspace, yes, json }: { workspace?: string; yes?: boolean; json?: boolean }) => {
      if (!yes)
        throw problem('not_confirmed', `This ends the access to dataset ${ref}; its events wait. To do it, repeat the command with --yes.`)
      const left = await withTools(async (tools) =>
        leaveDataset(tools.caller, ref, datasetTools(tools), await workspaceOf(tools.caller, workspace)),
      )
      print(json, left, () => [`The access to dataset ${ref} is given back.`, ...(left.text === undefined ? [] : [left.text])].join('\n'))
    })
}

const workspaceOf = async (caller: Tools['caller'], workspace: string | undefined) =>
  workspace === undefined ? undefined : (await findWorkspace(caller, workspace)).id

const accessTexts: Record<DatasetView['access'], string> = {
  pasted: 'a token that was pasted',
  login: 'signing in with Facebook',
  shared: 'sharing it with the business of this server',
  extension: "Meta's Business Extension",
}
const crmTexts: Record<CrmDataset, string> = { yes: 'yes, as was said', no: 'no, as was said', unknown: 'not known' }

function provenText({ name, tested }: SetDataset): string {
  if (tested === 'now') return 'Meta took the test event.'
  if (tested === 'later') return 'No event of a real lead waits for it: the first one within 24 hours goes with the test code.'
  return name === undefined ? 'It was not checked with Meta.' : `Meta knows it as "${name}".`
}

/** What else can be done at the command line. */
function offerMore(error: unknown): never {
  if (!(error instanceof CodedError) || !['dataset_not_shown', 'meta_unavailable'].includes(error.code)) throw error
  const test =
    error.code === 'dataset_not_shown' ? ' With --test-event <code> an event of a real lead tells; Meta keeps it and counts it.' : ''
  throw problem(error.code, `${error.userText}${test} With --no-probe it is stored unchecked.`, error)
}

function toKnow({ holdText, sleepUntil }: DatasetView): string | null {
  if (holdText !== null) return holdText
  return sleepUntil !== null && sleepUntil.getTime() > Date.now() ? `sends nothing before ${time(sleepUntil)}` : null
}
