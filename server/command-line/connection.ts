import { type Command, Option } from 'commander'
import { connectorFor, connectors } from '../../connectors/registry.ts'
import { lifeCycleText } from '../connections/life-cycle.ts'
import { addConnection } from '../settings/add-connection.ts'
import { requestCatchUp } from '../settings/catch-up.ts'
import { checkConnection } from '../settings/check-connection.ts'
import { type ConnectionView, listConnections, pauseConnection, resumeConnection, showConnection } from '../settings/connections.ts'
import { disconnect } from '../settings/disconnect.ts'
import { findWorkspace } from '../settings/find.ts'
import { createLeadIdField } from '../settings/lead-id-field.ts'
import { leavingWarning } from '../settings/leave-crm.ts'
import { pastText } from '../settings/past-text.ts'
import { problem } from '../settings/problem.ts'
import { listRoutes } from '../settings/routes.ts'
import { readRules, readSettings, setRules, setSettings } from '../settings/rules.ts'
import { renewWebhookSecret, showWebhookAddress } from '../settings/webhook-connection.ts'
import { showSample } from '../settings/webhook-sample.ts'
import { arrivalText } from './arrival-text.ts'
import { curlLine } from './curl-line.ts'
import { datasetTools } from './dataset-tools.ts'
import { examples } from './example.ts'
import { readJson, readSecret, wholeNumber } from './input.ts'
import { addMoveCommands } from './move.ts'
import { facts, print, table, time } from './output.ts'
import { withTools } from './tools.ts'
import { addWebhook, describeSample, tryIt } from './webhook.ts'

const TOKEN = 'LEADSTAGE_REFRESH_TOKEN'

/** `connection add|list|show|address|sample|check|pause|resume|catch-up|remove|create-field|export|import|rules|settings`. */
export function addConnectionCommands(program: Command): void {
  const group = program.command('connection').description('installed CRM accounts')

  group
    .command('add')
    .description(
      `connect a CRM account, or connect it again; the refresh token (of a Facebook page: its access token) comes on standard input or in ${TOKEN}`,
    )
    .argument('<crm>', Object.keys(connectors).join(', '))
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--name <name>', 'a name for people')
    .option('--host <host>', 'where the account signs in, for CRMs with several places: "sandbox", or the address of the account')
    .option('--lead-event-source <name>', 'for webhook: the name of the CRM behind it, as Meta is told')
    .addOption(new Option('--auth <way>', 'for webhook: how a request proves itself').choices(['hmac', 'secret', 'basic', 'path']))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'connection add hubspot --workspace Acme < refresh-token.txt',
        'connection add webhook --workspace Acme --lead-event-source "Acme CRM"',
      ),
    )
    .action(async (crm: string, { workspace, name, host, json, ...settings }: NewOptions) => {
      if (connectorFor(crm).push?.routing === 'connection') {
        if (host !== undefined) throw problem('option_unknown', `--host is not for ${crm}.`)
        return addWebhook({ workspace, crm, name, settings }, json)
      }
      if (Object.keys(settings).length > 0) throw problem('option_unknown', `--auth and --lead-event-source are not for ${crm}.`)
      const refreshToken = await readSecret(TOKEN, 'refresh token')
      const added = await withTools((tools) => addConnection(tools.caller, { workspace, crm, refreshToken, host, name }, tools))
      print(json, added, () =>
        [
          `Connection ${added.id} to the ${crm} account ${added.account} ${added.created ? 'is there' : 'has a new grant'}.`,
          {
            saved: 'The default mapping is saved as version 1.',
            kept: 'Its mapping is kept.',
            none: 'Its leads are known from now on; they have no stages of their own.',
            failed: 'No mapping is saved yet.',
          }[added.mapping],
          ...(added.sandbox ? ['It is a sandbox: its routes begin in shadow mode, and nothing is sent.'] : []),
          ...added.findings.map(({ fatal, text }) => `${fatal ? 'Problem' : 'Note'}: ${text}`),
          `Next: mapping show ${added.id}; route set --connection ${added.id} --dataset <dataset>`,
        ].join('\n'),
      )
    })

  group
    .command('list')
    .description('list the connections')
    .option('--workspace <workspace>', 'only of this workspace (id or name)')
    .option('--all', 'removed ones too')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('connection list'))
    .action(async ({ workspace, all, json }: { workspace?: string; all?: boolean; json?: boolean }) => {
      const found = await withTools(async ({ caller }) => {
        const workspaceId = workspace === undefined ? undefined : (await findWorkspace(caller, workspace)).id
        return listConnections(caller, { workspaceId, removed: all })
      })
      const headings = ['id', 'workspace', 'crm', 'account', 'name', 'state', 'routes', 'inbox', 'set aside', 'last change']
      const rows = () =>
        found.map((it) => [
          ...[it.id, it.workspace, it.crm, it.account, it.name],
          ...[stateOf(it), it.routes, it.inbox, it.quarantined, time(it.lastChangeAt)],
        ])
      print(json, found, () => table(headings, rows(), 'There is no connection yet. Next: connection add'))
    })

  group
    .command('show')
    .description('show one connection')
    .argument('<connection>', 'its number', wholeNumber)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('connection show 1'))
    .action(async (id: number, { json }: { json?: boolean }) => {
      const found = await withTools(async ({ caller }) => ({
        ...(await showConnection(caller, id)),
        rules: await readRules(caller, id),
        settings: await readSettings(caller, id),
        routeList: await listRoutes(caller, { connectionId: id }),
      }))
      print(json, found, () =>
        facts([
          ['connection', found.id],
          ['workspace', `${found.workspace} (${found.workspaceId})`],
          ['account', `${found.crm} ${found.account}`],
          ['name', found.name],
          ['state', stateOf(found)],
          ['to do', found.notice],
          ['since', time(found.createdAt)],
          ['uninstalled', time(found.removedAt)],
          ['deleted', time(found.purgedAt)],
          ['scopes', found.scopes.join(' ')],
          [
            'routes',
            found.routeList.map(({ metaId, mode }) => `${metaId} (${mode})`).join(', ') || 'none yet: changes are kept until there is one',
          ],
          ['inbox', `${found.inbox} packets, ${found.quarantined} set aside`],
          ['set aside for', found.inboxErrors.join(', ')],
          ['sandbox', found.sandbox ? 'yes: new routes begin in shadow mode' : undefined],
          ['changes', arrivalText(found)],
          ['last change', time(found.lastChangeAt) ?? 'none within a week'],
          ['covered until', coverageOf(found)],
          ['before that', found.past === null ? undefined : pastText(found.past)],
          ['rules', JSON.stringify(found.rules)],
          ['settings', JSON.stringify(found.settings)],
        ]),
      )
    })

  group
    .command('address')
    .description('show the address of a webhook connection, and a line to try it with')
    .argument('<connection>', 'its number', wholeNumber)
    .option('--new-secret', 'make a new secret, in place of the one before')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('connection address 1', 'connection address 1 --new-secret'))
    .action(async (id: number, { newSecret, json }: { newSecret?: boolean; json?: boolean }) => {
      const found = await withTools(({ caller, config, ...rest }) => {
        const tools = { ...rest, publicUrl: config.publicUrl }
        return newSecret ? renewWebhookSecret(caller, id, tools) : showWebhookAddress(caller, id, tools)
      })
      const secret = 'secret' in found ? [`Secret:  ${found.secret}`, 'The secret is not shown again.'] : []
      print(json, { ...found, curl: curlLine(found) }, () => [`Address: ${found.address}`, ...secret, ...tryIt(found)].join('\n'))
    })

  group
    .command('sample')
    .description('keep the next request of a webhook connection for a day, and list where its values are')
    .argument('<connection>', 'its number', wholeNumber)
    .option('--new', 'forget the one that was kept')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('connection sample 1'))
    .action(async (id: number, { new: anew, json }: { new?: boolean; json?: boolean }) => {
      const sample = await withTools(({ caller, vault }) => showSample(caller, id, vault, { anew }))
      print(json, sample ?? null, () => describeSample(id, sample))
    })

  group
    .command('check')
    .description('ask the CRM what is missing in the account: rights, fields, settings')
    .argument('<connection>', 'its number', wholeNumber)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('connection check 1'))
    .action(async (id: number, { json }: { json?: boolean }) => {
      const findings = await withTools((tools) => checkConnection(tools.caller, id, tools))
      const lines = () => findings.map(({ fatal, text }) => `${fatal ? 'Problem' : 'Note'}: ${text}`)
      print(json, findings, () => (findings.length === 0 ? 'Nothing is missing there.' : lines().join('\n')))
    })

  group
    .command('pause')
    .description('look up and send nothing; changes are kept, here or in the CRM')
    .argument('<connection>', 'its number', wholeNumber)
    .addHelpText('after', examples('connection pause 1'))
    .action(async (id: number) => {
      const { arrival } = await withTools(async ({ caller }) => {
        await pauseConnection(caller, id)
        return showConnection(caller, id)
      })
      const kept = arrival === 'stream' || arrival === 'poll' ? 'wait in the CRM, which keeps them for some days' : 'are kept'
      print(false, null, () => `Connection ${id} is paused. Its changes ${kept}; events older than seven days are lost.`)
    })

  group
    .command('resume')
    .description('go on after a pause')
    .argument('<connection>', 'its number', wholeNumber)
    .addHelpText('after', examples('connection resume 1'))
    .action(async (id: number) => {
      const found = await withTools(async ({ caller }) => {
        await resumeConnection(caller, id)
        return showConnection(caller, id)
      })
      print(false, null, () => `Connection ${id} is no longer paused: ${stateOf(found)}.`)
    })

  group
    .command('catch-up')
    .description("have the running server look in the CRM's history for changes that were not reported")
    .argument('<connection>', 'its number', wholeNumber)
    .option('--every <minutes>', 'from now on look every so many minutes (1 to 1440)', wholeNumber)
    .option('--no-every', 'from now on look at the interval of the server')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('connection catch-up 1', 'connection catch-up 1 --every 10'))
    .action(async (id: number, { every, json }: { every?: number | boolean; json?: boolean }) => {
      const everyMinutes = typeof every === 'number' ? every : every === false ? null : undefined
      const answer = await withTools(({ caller }) => requestCatchUp(caller, id, { everyMinutes }))
      const when = answer.works ? 'the running server reads on within seconds' : 'read on when the connection works again'
      print(json, answer, () => `The history of connection ${id} is covered until ${time(answer.coveredUntil)}; ${when}.`)
    })

  group
    .command('remove')
    .description('disconnect a CRM account: its grant is forgotten, what was not sent stays unsent')
    .argument('<connection>', 'its number', wholeNumber)
    .option('--yes', 'really')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('connection remove 1 --yes'))
    .action(async (id: number, { yes, json }: { yes?: boolean; json?: boolean }) => {
      const removal = await withTools(async (tools) => {
        const { caller } = tools
        if (!yes) {
          const connection = await showConnection(caller, id)
          const { crm, account, inbox, quarantined } = connection
          const what = `connection ${id} (${crm} ${account}) with ${inbox + quarantined} packets of changes and all unsent events`
          const texts = [`This removes ${what}.`, leavingWarning(connection), 'To do it, repeat the command with --yes.']
          throw problem('not_confirmed', texts.filter((text) => text !== undefined).join(' '))
        }
        return disconnect(caller, id, { ...tools, ...datasetTools(tools) })
      })
      const { packets, unsent, texts } = removal
      const removed = `Connection ${id} is removed; ${packets} packets of changes and ${unsent} unsent events went with it.`
      print(json, removal, () => [removed, ...texts].join('\n'))
    })

  group
    .command('create-field')
    .description('create the field for the Meta lead id in the CRM, if it is missing')
    .argument('<connection>', 'its number', wholeNumber)
    .addHelpText('after', examples('connection create-field 1'))
    .action(async (id: number) => {
      const field = await withTools(({ caller, connections }) => createLeadIdField(caller, id, connections))
      print(false, null, () => `The CRM has the field "${field}".`)
    })

  addMoveCommands(group)
  addDocumentCommand(group, 'rules', 'which leads count, consent, repeats and the like', readRules, setRules)
  addDocumentCommand(
    group,
    'settings',
    'what the connector needs to know, such as the field of the Meta lead id',
    readSettings,
    setSettings,
  )
}

/** A command that shows a JSON document, or changes the values that a file gives. */
function addDocumentCommand(
  group: Command,
  name: 'rules' | 'settings',
  what: string,
  read: typeof readSettings,
  set: typeof setSettings,
): void {
  group
    .command(name)
    .description(`show the ${name} (${what}); with --set, change those that a JSON file gives`)
    .argument('<connection>', 'its number', wholeNumber)
    .option('--set <file>', 'JSON object with the values to change, null for the default; - is standard input')
    .addHelpText('after', examples(`connection ${name} 1`, `connection ${name} 1 --set ${name}.json`))
    .action(async (id: number, { set: file }: { set?: string }) => {
      const given = file === undefined ? undefined : await readJson(file)
      const shown = await withTools(({ caller }) => (file === undefined ? read(caller, id) : set(caller, id, given)))
      print(true, shown, () => '')
    })
}

interface NewOptions {
  workspace: string
  name?: string
  host?: string
  json?: boolean
  auth?: string
  leadEventSource?: string
}

/** Until when nothing can be missing, as far as the CRM's history tells. */
function coverageOf({ crm, coveredUntil, catchUpMinutes }: ConnectionView): string {
  if (connectorFor(crm).history === undefined) return 'this system cannot be asked for its history'
  const every = catchUpMinutes === null ? '' : `, read every ${catchUpMinutes} minutes`
  return (time(coveredUntil) ?? 'its history was not read yet') + every
}

const stateOf = ({ state, stateReason }: ConnectionView) => lifeCycleText(state, stateReason)
