/** A webhook connection from nothing to its first mapped stage, with nothing but the command line and the line it prints. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import t from 'tap'
import { sign } from '../../../connectors/webhook/verify.ts'
import { curlLine } from '../../../server/command-line/curl-line.ts'
import { forgetSamples } from '../../../server/intake/sample.ts'
import { testApp, until } from '../../support/app.ts'
import { findTraces } from '../../support/look.ts'
import { addWebhook } from '../../support/webhook.ts'
import { envOf, run } from './run.ts'

const DATASET = '700000000000301'
const TOKEN = 'EAAwebhookline000000000000000301'

/** The line's parts, as a shell would hand them to curl. */
async function partsOf(line: string) {
  const printed = await promisify(execFile)('sh', ['-c', line.replace(/^curl /, "printf '%s\\n' ")])
  const [, , url, ...rest] = printed.stdout.split('\n')
  const headers = Object.fromEntries(
    rest.flatMap((part, n) => (part === '-H' ? [(rest[n + 1] as string).split(/: (.*)/s).slice(0, 2)] : [])),
  )
  return { url: url as string, headers: headers as Record<string, string>, body: rest[rest.indexOf('-d') + 1] as string }
}

t.test('command by command', async (t) => {
  const it = await testApp(t, { meta: { datasets: [{ id: DATASET, tokens: [TOKEN] }] } })
  const env = envOf({ databaseUrl: it.databaseUrl, hubspot: it.hubspot, meta: it.meta, publicUrl: it.url })
  const outputs: string[] = []
  const works = async (args: string[], input = '') => {
    const ran = await run(args, { env, input })
    t.same([ran.code, ran.stderr], [0, ''], args.join(' '))
    outputs.push(ran.stdout)
    return ran.stdout
  }
  await works(['workspace', 'add', 'Acme'])
  const shown = await works(['connection', 'add', 'webhook', '--workspace', 'Acme', '--lead-event-source', 'Acme CRM'])
  const [, id] = /^Connection (\d+) is there/.exec(shown) ?? []
  const [, secret] = /^Secret: +(\S+)$/m.exec(shown) ?? []
  const line = shown.split('\n').find((it) => it.startsWith('curl ')) ?? ''
  if (id === undefined || secret === undefined) return t.fail(shown)
  t.match(JSON.parse(await works(['connection', 'settings', id])), { leadEventSource: 'Acme CRM', auth: 'hmac' })

  const { url, headers, body } = await partsOf(line)
  const [, seconds] = /^t=(\d+),v1=/.exec(headers['x-signature'] ?? '') ?? []
  t.equal(headers['x-signature'], `t=${seconds},v1=${sign(secret, seconds ?? '', body)}`, 'the line is signed with the secret')
  const answer = await fetch(url, { method: 'POST', headers, body })
  t.same([answer.status, await answer.json()], [202, { accepted: 1, rejected: [] }], 'and taken')

  await works(['dataset', 'set', DATASET, '--workspace', 'Acme'], TOKEN)
  await works(['route', 'set', '--connection', id, '--dataset', DATASET])
  await fetch(url, { method: 'POST', headers, body })
  await it.settled()
  const mapping = JSON.parse(await works(['mapping', 'show', id, '--json']))
  t.match(mapping, { stages: [], unmapped: [{ source: 'stage', stageId: 'qualified' }] }, 'the stage is offered once it has arrived')
  const { rawLead } = mapping
  const table = JSON.stringify({ rawLead, stages: [{ source: 'stage', stageId: 'qualified', eventName: 'Qualified Lead' }] })
  await works(['mapping', 'set', id, '--version', '1'], table)
  t.match(JSON.parse(await works(['mapping', 'show', id, '--json'])), { stages: [{ stageId: 'qualified', state: 'live' }], unmapped: [] })

  t.same(it.meta.events({ dataset: DATASET }), [], 'trying out tells Meta of nobody')

  const later = await works(['connection', 'address', id])
  t.match(later, url)
  t.notMatch(later, secret)
  t.match(await works(['connection', 'address', id, '--json']), /"curl": "curl -X POST/)
  t.same(await findTraces(it.db, [secret, url.split('/').at(-1) as string]), [], 'neither secret nor key lies readable in the database')
  const renewed = await works(['connection', 'address', id, '--new-secret'])
  const [, another] = /^Secret: +(\S+)$/m.exec(renewed) ?? []
  t.not(another ?? secret, secret, 'a new secret is shown once')
  const signedBy = async (key: string) => {
    const now = Math.floor(Date.now() / 1000)
    return (await fetch(url, { method: 'POST', headers: { ...headers, 'x-signature': `t=${now},v1=${sign(key, now, body)}` }, body }))
      .status
  }
  await until(async () => (await signedBy(another ?? '')) === 202)
  t.equal(await signedBy(secret), 401, 'and the one before opens nothing any more')
  await works(['connection', 'remove', id, '--yes'])
  const record = { ...{ crm: 'webhook', account: 'a', recordType: 'record', recordId: '1' }, stage: { source: 'stage', id: 'qualified' } }
  const preview = await run(['preview'], { env, input: JSON.stringify({ ...record, occurredAt: Date.now() }) })
  t.match(preview.stdout, /stage_unmapped/)
})

t.test('a body of its own shape is shown, mapped and understood', async (t) => {
  const it = await testApp(t, { meta: { datasets: [{ id: DATASET, tokens: [TOKEN] }] } })
  const env = envOf({ databaseUrl: it.databaseUrl, hubspot: it.hubspot, meta: it.meta })
  const crm = await addWebhook(it, { dataset: DATASET, token: TOKEN })
  const works = async (args: string[], input = '') => {
    const ran = await run(args, { env, input })
    t.same([ran.code, ran.stderr], [0, ''], args.join(' '))
    return ran.stdout
  }
  const id = String(crm.connectionId)
  const foreign = { data: { items: [{ 'deal.id': 7, status: { name: 'won' }, owner: { mail: 'canary@example.com' } }] } }
  t.match(await works(['connection', 'sample', id]), /The next request is kept/)
  t.match(await crm.send(foreign), { status: 422, body: { rejected: [{ index: 0, field: 'record_id' }] } })
  const shown = await works(['connection', 'sample', id])
  t.match(shown, /^Lists, for the setting "records": data\.items$/m)
  t.same(await findTraces(it.db, ['canary@example.com']), [], 'the sample is sealed')

  await works(['connection', 'settings', id, '--set', '-'], '{"records":"data.items"}')
  const { fields } = JSON.parse(await works(['connection', 'sample', id, '--json']))
  t.same(fields, [
    { path: '/deal.id', value: '7' },
    { path: 'status.name', value: 'won' },
    { path: 'owner.mail', value: 'canary@example.com' },
  ])
  const paths = { record_id: fields[0].path, stage: fields[1].path, email: fields[2].path }
  await works(['connection', 'settings', id, '--set', '-'], JSON.stringify({ paths }))
  await until(async () => (await crm.send(foreign)).status === 202)
  t.match(await works(['connection', 'sample', id, '--new']), /The next request is kept/)
  await sql`update sample set wanted_until = now() - interval '1 minute'`.execute(it.db)
  await forgetSamples(it.db)
  t.same((await sql`select from sample`.execute(it.db)).rows, [], 'what was asked for and never came is forgotten')
})

t.test('options that do not fit are told in one line', async (t) => {
  const it = await testApp(t)
  const env = envOf({ databaseUrl: it.databaseUrl, hubspot: it.hubspot, meta: it.meta })
  const fails = async (args: string[], words: RegExp) => {
    const ran = await run(args, { env, input: 'x' })
    t.not(ran.code, 0)
    t.match(ran.stderr, words)
  }
  await fails(['connection', 'add', 'hubspot', '--workspace', '1', '--auth', 'hmac'], /are not for hubspot/)
  await fails(['connection', 'add', 'webhook', '--workspace', '1', '--auth', 'magic'], /hmac, secret, basic, path/)
  await fails(['connection', 'add', 'webhook', '--workspace', '1', '--lead-event-source', ''], /leadEventSource/)
  await fails(['connection', 'add', 'webhook', '--workspace', 'Nobody'], /no workspace/)
  await fails(['connection', 'address', '1'], /HubSpot has one address/)
  await fails(['connection', 'sample', '1'], /HubSpot needs no sample/)
})

t.test('the line survives a shell whatever the secret holds', async (t) => {
  const address = 'https://leads.example.com/webhooks/webhook/key'
  const example = { headers: { authorization: `Bearer it's "$HOME" \`id\`` }, body: `{"a":"it's"}` }
  t.same(await partsOf(curlLine({ address, example }) ?? ''), { url: address, headers: example.headers, body: example.body })
  t.equal(curlLine({ address }), undefined)
})
