/** Lead ids from a table: first told what would happen, then kept as if Meta had told of them. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { eraseLead } from '../../../server/settings/erase-lead.ts'
import { importLeads } from '../../../server/settings/import-leads.ts'
import { type TestApp, testApp, until } from '../../support/app.ts'
import { count, findTraces } from '../../support/look.ts'
import { envOf, run } from '../command-line/run.ts'
import { sent } from '../resolve/sharing.ts'

const caller = (it: TestApp) => ({ db: it.db, actor: 'operator' })
const metas = (lines: string[][]) => [Buffer.from(`\uFEFF${lines.map((line) => line.join('\t')).join('\n')}\n`, 'utf16le')]
async function* file(parts: readonly Buffer[]) {
  yield* parts
}
const importing = (it: TestApp, lines: string[][], keep: boolean) =>
  importLeads(caller(it), { workspace: it.workspaceId, keep, country: 'DE' }, file(metas(lines)), it.vault)

const collectGarbage = openCollector()

const headings = ['id', 'created_time', 'form_id', 'form_name', 'email', 'phone_number']
const time = () => new Date(Date.now() - 60_000).toISOString()
const lead = (id: string, email = '', phone = '') => [id, time(), 'f:206000000000001', 'Offer', email, phone]

t.test('a dry run tells what the import does, and changes nothing', async (t) => {
  const it = await testApp(t)
  const waits = it.hubspot.create({ type: 'contact', properties: { phone: '+491701234567', lifecyclestage: 'customer' } }).id
  it.hubspot.create({ type: 'contact', properties: { meta_lead_id: '111111111111111', lifecyclestage: 'lead' } })
  await it.settled()
  await eraseLead(caller(it), it.workspaceId, { by: 'email', value: 'gone@example.com' }, it.vault)
  const lines = [
    headings,
    lead('l:222222222222222', 'ana@example.com', '0170 1234567'),
    lead('l:111111111111111', 'ben@example.com'),
    lead('2.22222E+14', 'cem@example.com'),
    lead('l:333333333333333', 'gone@example.com'),
    lead('l:444444444444444', '<test lead: dummy data for email>'),
  ]
  const dry = await importing(it, lines, false)
  t.strictSame(dry, {
    ...{ leads: 4, fresh: 2, known: 1, tests: 1, erased: 1, matched: 1, unreadable: 1 },
    records: [{ connectionId: it.connectionId, record: { type: 'contact', id: waits }, metaLeadId: '222222222222222' }],
    lines: [{ line: 4, code: 'lead_id_rounded', text: dry.lines[0]?.text }],
  })
  t.equal(await count(it.db, 'lead'), 1)
  t.strictSame(await importing(it, lines, true), dry)
  await until(() => sent(it).length === 3)
  t.strictSame(sent(it).slice(1).toSorted(), [
    ['Converted', '222222222222222'],
    ['Raw Lead', '222222222222222'],
  ])
  t.equal(await count(it.db, 'lead'), 3, 'who asked to be forgotten stays out')
  const again = await importing(it, lines, true)
  t.match(again, { fresh: 0, known: 3, matched: 0 })
  t.strictSame(await findTraces(it.db, ['ana@example.com', '1701234567', 'gone@example.com', '333333333333333']), [])
})

t.test('by command: told first, kept with --yes', async (t) => {
  const it = await testApp(t, { launch: false })
  const path = join(t.testdir(), 'leads.csv')
  await writeFile(path, Buffer.concat(metas([headings, lead('l:222222222222222', 'ana@example.com'), lead('oops')])))
  const command = ['lead', 'import', path, '--workspace', String(it.workspaceId)]
  const dry = await run(command, { env: envOf(it) })
  t.match(dry, { code: 0, stdout: /new: +1\n.*unreadable lines: +1\n.*3 +The Meta lead id is not a number.*Nothing was changed/s })
  t.equal(await count(it.db, 'lead'), 0)
  t.match(await run([...command, '--yes'], { env: envOf(it) }), { code: 0, stdout: /This is kept now/ })
  t.equal(await count(it.db, 'lead'), 1)
  t.match(await run(['lead', 'import', '/nowhere.csv', '--workspace', String(it.workspaceId)], { env: envOf(it) }), {
    code: 1,
    stderr: /cannot be read/,
  })
})

t.test('a large table is read piece by piece, while other work goes on, and nothing of its lines stays in memory', async (t) => {
  const it = await testApp(t, { launch: false })
  const LINES = 40_000
  let alive = 0
  const timer = setInterval(() => (alive += 1), 5)
  t.teardown(() => clearInterval(timer))
  const held: number[] = []
  async function* large() {
    yield Buffer.from('id,email\n')
    for (let from = 0; from < LINES; from += 1_000) {
      if (from % 10_000 === 0) held.push(heldMemory())
      yield Buffer.from(Array.from({ length: 1_000 }, (_, n) => `${100_000_000_000_000 + from + n},p${from + n}@example.com\n`).join(''))
    }
    held.push(heldMemory())
  }
  const result = await importLeads(caller(it), { workspace: it.workspaceId, keep: true }, large(), it.vault)
  t.match(result, { leads: LINES, fresh: LINES })
  t.ok(alive > 5, 'the process had time for others')
  t.equal(await count(it.db, 'lead'), LINES)
  const [, early = 0, ...later] = held
  // Their ids alone would be more.
  const most = 1_000_000
  t.ok(Math.min(...later.slice(-2)) - early < most, `bytes held while the lines pass: ${held.join(', ')}`)
})

/** Bytes in use once all that nobody needs is gone. */
function heldMemory(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

function openCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}
