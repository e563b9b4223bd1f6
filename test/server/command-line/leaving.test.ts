/** What a customer takes along: trail, ledger and mapping as CSV, a connection as a file. */
import t from 'tap'
import { DATASET, testApp } from '../../support/app.ts'
import { ledger } from '../../support/look.ts'
import { envOf, run } from './run.ts'

t.test('everything that a customer has can be taken along, and a configuration moved', async (t) => {
  const it = await testApp(t)
  const { id } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'lead', meta_lead_id: '9007199254740993' } })
  for (let n = 0; n < 3; n++) it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: n % 2 === 0 ? 'customer' : 'lead' } })
  await it.settled()
  const env = envOf(it)
  const works = async (line: string, input = '') => {
    const ran = await run(line.split(' '), { env, input })
    t.same([ran.code, ran.stderr], [0, ''], line)
    return ran.stdout
  }
  const lines = (text: string) => text.trimEnd().split('\r\n')

  const records = lines(await works(`record export --connection ${it.connectionId}`))
  t.equal(records.length, (await ledger(it.db)).length + 1)
  t.ok(records[0]?.startsWith('\uFEFFchanged_at,'))
  const sent = records.find((line) => line.includes(',sent,'))
  t.match(sent, new RegExp(`,hubspot,3003003,contact,'${id},l:9007199254740993,.*,'${DATASET},.*lead_id`))
  t.equal(lines(await works('record export --outcome rejected')).length, 1, 'an empty ledger has its headings')

  const mapping = await works(`mapping export ${it.connectionId}`)
  t.match(mapping, /,customer,.*Converted,yes/)
  await works(`connection pause ${it.connectionId}`)
  await works(`connection resume ${it.connectionId}`)
  const trail = lines(await works('audit export --workspace 1'))
  t.match(trail[1], /operator,connection\.resume,connection:1,"{""to"":""active"",""from"":""paused""}"/)
  t.equal(trail.length, 3)
  const first = JSON.parse(await works('audit list --workspace 1 --limit 1 --json'))
  t.match(first, { lines: [{ action: 'connection.resume', actor: 'operator' }], next: /^\d+$/ })
  t.match(await works(`audit list --workspace 1 --after ${first.next}`), /connection\.pause/)
  t.match(await run(['audit', 'list', '--workspace', 'Nobody'], { env }), { code: 1, stderr: /no workspace/ })

  const file = await works(`connection export ${it.connectionId}`)
  const changed = JSON.stringify({ ...JSON.parse(file), rules: { ...JSON.parse(file).rules, backward: true } })
  t.match(
    await works('connection import - --workspace 1', changed),
    /rule backward: false becomes true\n.*stays as it is\nNothing is changed yet/,
  )
  t.match(JSON.parse(await works(`connection rules ${it.connectionId}`)), { backward: false })
  t.match(await works('connection import - --workspace 1 --yes', changed), /It is done/)
  t.match(JSON.parse(await works(`connection rules ${it.connectionId}`)), { backward: true })
})

t.test('a long ledger is exported page after page', async (t) => {
  const it = await testApp(t, { launch: false })
  const at = Date.now()
  const record = await it.db
    .insertInto('record')
    .values({ connection_id: it.connectionId, type: 'contact', record_id: '1', first_seen_at: new Date(at) })
    .returning('id')
    .executeTakeFirstOrThrow()
  await it.db
    .insertInto('ledger')
    .values(
      Array.from({ length: 2_500 }, (_, n) => ({
        occurred_at: new Date(at - (n % 1_200) * 1_000),
        event_id: `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`,
        connection_id: it.connectionId,
        dataset_id: it.datasetId,
        record_id: record.id,
        received_at: new Date(at),
        stage_key: 's//=cmd',
        event_name: 'X',
        outcome: 'sent' as const,
        reason: null,
      })),
    )
    .execute()
  const { stdout } = await run(['record', 'export'], { env: envOf(it) })
  const rows = stdout.trimEnd().split('\r\n').slice(1)
  t.equal(new Set(rows).size, 2_500)
  t.ok(rows.every((row) => row.includes(",'=cmd,")))
})
