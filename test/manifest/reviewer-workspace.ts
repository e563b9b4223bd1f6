/**
 * `npm run packages:reviewer -- --dataset <id> < token`: a workspace for the people who review the app, beside the running server and
 * with nothing but its command line: a sample CRM, its stages mapped, leads of invented people with every kind of outcome, and links to
 * connect accounts of their own. Its route is in shadow, because Meta knows none of these leads.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { sign } from '../../connectors/webhook/verify.ts'
import { metaLeadId, person } from '../demo/people.ts'

const commandLine = join(import.meta.dirname, '../../server/command-line/main.ts')
const NAME = 'Review'
const HOUR_MS = 3_600_000
const MOST_WAIT_MS = 60_000
/** That a link can be good for. */
const MOST_HOURS = '336'

/** Stages of the sample CRM, with what Meta calls them; the last is on nobody's list. */
const stages = { new: 'Raw Lead', qualified: 'Qualified Lead', proposal: 'Sales Opportunity', won: 'Converted', lost: null }

/** Runs a command of Leadstage; resolves to the JSON that it prints. Throws `Error` with what it complained of. */
async function leadstage(args: readonly string[], input = ''): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [commandLine, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.end(input)
  const [out, complaints, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.on('close', resolve)),
  ])
  if (code !== 0) throw new Error(complaints)
  return args.includes('--json') ? JSON.parse(out) : {}
}

/** What the sample CRM tells of one person: stages reached so many hours ago, each with what else its record shows. */
function changesOf(index: number, hoursAgo: Partial<Record<keyof typeof stages, number>>, shown: Record<string, unknown> = {}) {
  const { email, phone, firstname, lastname, city, state, zip, country } = person(index)
  const at = (hours: number) => new Date(Date.now() - hours * HOUR_MS).toISOString()
  return Object.entries(hoursAgo).map(([stage, hours]) => ({
    ...{ record_id: `sample-${index}`, stage, occurred_at: at(hours), lead_created_at: at(Math.max(...Object.values(hoursAgo)) + 1) },
    ...{ meta_lead_id: metaLeadId(index), email, phone, first_name: firstname, last_name: lastname },
    ...{ city, state, postal_code: zip, country, ...shown },
  }))
}

const sample = [
  ...[0, 1, 2, 3, 4, 5].flatMap((index) => changesOf(index, { new: 60 + index })),
  ...[6, 7, 8].flatMap((index) => changesOf(index, { new: 70, qualified: 30 + index })),
  ...[9, 10].flatMap((index) => changesOf(index, { new: 90, qualified: 50, proposal: 20 })),
  ...changesOf(11, { new: 100, qualified: 70, proposal: 40, won: 5 }),
  // And what is not reported, each for a reason of its own: a stage that is off, one of too long ago, one of nobody from a form.
  ...changesOf(12, { new: 80, lost: 10 }),
  ...changesOf(13, { new: 24 * 12 }),
  ...changesOf(14, { new: 12 }, { meta_lead_id: '' }),
]

async function send({ address, secret }: { address: string; secret: string }): Promise<void> {
  const body = JSON.stringify(sample)
  const seconds = String(Math.floor(Date.now() / 1000))
  const headers = { 'content-type': 'application/json', 'x-signature': `t=${seconds},v1=${sign(secret, seconds, body)}` }
  const answer = await fetch(address, { method: 'POST', headers, body })
  if (answer.status !== 202) throw new Error(`${address} answered ${answer.status}: ${await answer.text()}`)
}

/** Outcomes of the connection's records, counted, once there is one for every change and no more come. */
async function outcomes(connection: string): Promise<Record<string, number>> {
  let before = 0
  for (const begun = Date.now(); ; await sleep(500)) {
    const { records } = (await leadstage(['record', 'list', '--connection', connection, '--limit', '1000', '--json'])) as {
      records: { outcome: string; reason?: string }[]
    }
    const isAll = records.length >= sample.length && records.length === before
    before = records.length
    if (isAll || Date.now() - begun > MOST_WAIT_MS) {
      const named = records.map(({ outcome, reason }) => (reason ? `${outcome} (${reason})` : outcome))
      return Object.fromEntries([...new Set(named)].sort().map((name) => [name, named.filter((one) => one === name).length]))
    }
  }
}

const { dataset } = parseArgs({ options: { dataset: { type: 'string' } } }).values
if (dataset === undefined) throw new Error('Say which dataset of yours is for reviews: --dataset <id>, with its token on standard input.')
const token = (await text(process.stdin)).trim()

const workspace = String((await leadstage(['workspace', 'add', NAME, '--json'])).id)
await leadstage(['dataset', 'set', dataset, '--workspace', workspace, '--crm', 'yes', '--json'], token)
const added = await leadstage(['connection', 'add', 'webhook', '--workspace', workspace, '--lead-event-source', 'Sample CRM', '--json'])
const connection = String(added.id)
await leadstage(['connection', 'settings', connection, '--set', '-'], JSON.stringify({ stages: Object.keys(stages) }))
await leadstage(['route', 'set', '--connection', connection, '--dataset', dataset, '--shadow', '--json'])
const { rawLead, version } = await leadstage(['mapping', 'show', connection, '--json'])
const table = Object.entries(stages).map(([stageId, eventName]) => ({ source: 'stage', stageId, eventName }))
await leadstage(['mapping', 'set', connection, '--version', String(version), '--json'], JSON.stringify({ rawLead, stages: table }))
await send(added as unknown as { address: string; secret: string })

process.stdout.write(
  `Workspace "${NAME}" (${workspace}) is there, with connection ${connection} and ${sample.length} changes of invented people:\n`,
)
for (const [outcome, count] of Object.entries(await outcomes(connection))) process.stdout.write(`  ${count} ${outcome}\n`)
process.stdout.write('Links for reviewers, each for once; make others with `leadstage invite`:\n')
for (const what of ['salesforce', 'hubspot', 'meta-lead-ads', 'dataset']) {
  const made = await leadstage(['invite', what, '--workspace', workspace, '--hours', MOST_HOURS, '--json']).catch((error: Error) => error)
  process.stdout.write(`  ${what}: ${made instanceof Error ? made.message.trim() : made.url}\n`)
}
