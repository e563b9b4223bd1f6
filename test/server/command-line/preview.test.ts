import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { main, run } from './run.ts'

const AT = '2026-03-01T12:00:00Z'
const record = (change: Record<string, unknown> = {}) => ({
  ...{ crm: 'hubspot', account: '3003003', recordType: 'contact', recordId: '101' },
  stage: { source: 'lifecyclestage', id: 'marketingqualifiedlead' },
  occurredAt: '2026-03-01T11:00:00Z',
  identity: { metaLeadId: '12345678901234567' },
  ...change,
})
const ndjson = (...records: unknown[]) => records.map((it) => `${typeof it === 'string' ? it : JSON.stringify(it)}\n`).join('')
const lines = (stdout: string) => stdout.trimEnd().split('\n')
const parsed = (stdout: string) => lines(stdout).map((line) => JSON.parse(line))

t.test('each line becomes one line: the event, the reason, what it waits for, or what is wrong with it', async (t) => {
  const input = ndjson(
    record(),
    record({ stage: { source: 'lifecyclestage', id: 'evangelist' } }),
    record({ stage: { source: 'lifecyclestage', id: 'made-up' } }),
    record({ identity: {} }),
    record({ occurredAt: '2026-02-20T11:00:00+02:00' }),
    record({ occurredAt: '2026-03-01T12:03:00Z' }),
    record({ occurredAt: '2026-03-01T12:06:00Z' }),
    record({ identity: { metaLeadId: '1.2345E+16', emails: ['somebody@example.com'] }, fields: { source: 'x' } }),
  )
  const { code, stdout, stderr } = await run(['preview', '--at', AT], { input })
  t.same([code, stderr], [0, ''])
  const outcomes = parsed(stdout)
  t.match(outcomes, [
    { line: 1, event: { event_name: 'Marketing Qualified Lead', event_time: 1772362800, action_source: 'system_generated' }, notes: [] },
    { line: 2, refused: { reason: 'stage_off', text: /Evangelist/ } },
    { line: 3, refused: { reason: 'stage_unmapped', text: /made-up/ } },
    { line: 4, refused: { reason: 'no_meta_lead' } },
    { line: 5, refused: { reason: 'too_old' } },
    { line: 6, waits: { reason: 'ahead_of_clock', until: '2026-03-01T12:03:00.000Z' } },
    { line: 7, refused: { reason: 'in_future' } },
    { line: 8, refused: { reason: 'no_meta_lead' }, notes: [{ field: 'lead_id', code: 'lead_id_rounded', text: /lost digits/ }] },
  ])
  t.equal(outcomes.length, 8)
})

t.test('HubSpot’s default lifecycle stages map without any account', async (t) => {
  const stages = ['lead', 'marketingqualifiedlead', 'salesqualifiedlead', 'opportunity', 'customer']
  const input = ndjson(...stages.map((id) => record({ stage: { source: 'lifecyclestage', id } })))
  const { stdout } = await run(['preview', '--at', AT], { input })
  t.same(
    parsed(stdout).map(({ event }) => event.event_name),
    ['Raw Lead', 'Marketing Qualified Lead', 'Sales Qualified Lead', 'Sales Opportunity', 'Converted'],
  )
})

t.test('a lead id keeps all its digits, given as text or as a bare number', async (t) => {
  const bare = JSON.stringify(record()).replace('"12345678901234567"', ' 12345678901234567')
  const short = JSON.stringify(record()).replace('"12345678901234567"', '123456789012345')
  const { code, stdout } = await run(['preview', '--at', AT], { input: ndjson(record(), bare, short) })
  t.equal(code, 0)
  t.same(
    lines(stdout).map((line) => /"lead_id":(\d+)/.exec(line)?.[1]),
    ['12345678901234567', '12345678901234567', '123456789012345'],
  )
  const rounded = JSON.stringify(record()).replace('"12345678901234567"', '1.2345678901234567e16')
  t.match(parsed((await run(['preview', '--at', AT], { input: rounded })).stdout), [
    { invalid: { field: 'identity.metaLeadId', text: 'expected string, received number' } },
  ])
})

t.test('what is no lead-stage record is named by its field, and the exit code tells of it', async (t) => {
  const input = ndjson(
    'not json',
    '',
    '[]',
    record({ stage: { source: 'lifecyclestage', id: '' } }),
    record({ occurredAt: 'yesterday' }),
    record({ occurredAt: undefined }),
    record({ colour: 'red' }),
    record({ crm: 'unheard-of' }),
    record(),
  )
  const { code, stdout, stderr } = await run(['preview', '--at', AT], { input })
  t.equal(code, 1)
  t.match(stderr, /^leadstage: 8 of 9 lines are no lead-stage records[^\n]+\n$/)
  t.same(
    parsed(stdout).map(({ line, invalid }) => [line, invalid?.field]),
    [
      ...[
        [1, ''],
        [2, ''],
        [3, ''],
        [4, 'stage.id'],
        [5, 'occurredAt'],
        [6, 'occurredAt'],
        [7, 'colour'],
        [8, 'crm'],
      ],
      [9, undefined],
    ],
  )
})

t.test('mapping, rules and dataset may come from files and options', async (t) => {
  const folder = t.testdir({
    'mapping.json': JSON.stringify({ stages: [{ source: 'lifecyclestage', stageId: 'marketingqualifiedlead', eventName: 'Warm' }] }),
    'rules.json': JSON.stringify({ leadIdEncoding: 'string' }),
    'wrong.json': JSON.stringify({ stages: [{ source: 'lifecyclestage' }] }),
  })
  const file = (name: string) => join(folder, name)
  const ids = new Set<string>()
  for (const dataset of ['700000000000001', '700000000000002']) {
    const args = ['preview', '--at', AT, '--mapping', file('mapping.json'), '--rules', file('rules.json'), '--dataset', dataset]
    const { event } = parsed((await run(args, { input: ndjson(record()) })).stdout)[0]
    t.match(event, { event_name: 'Warm', user_data: { lead_id: '12345678901234567' } })
    ids.add(event.event_id)
  }
  t.equal(ids.size, 2, 'an event id belongs to one dataset')
  t.match(await run(['preview', '--mapping', file('wrong.json')], { input: ndjson(record()) }), {
    code: 1,
    stderr: /The mapping cannot be used: stages.0.stageId: is missing/,
  })
  t.match(await run(['preview', '--mapping', file('none.json')]), { code: 1, stderr: /none.json cannot be read \(ENOENT\)/ })
})

t.test('only a line feed ends a line, whatever the text holds and however it arrives', async (t) => {
  const odd = record({ recordId: 'a\u2028b\u0085c' })
  const text = `\uFEFF${JSON.stringify(odd)}\r\n${JSON.stringify(record({ identity: { metaLeadId: '12345678901234567', city: 'Zürich' } }))}`
  const bytes = Buffer.from(text)
  const child = spawn(process.execPath, [main, 'preview', '--at', AT], {
    cwd: t.testdir({}),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const output = child.stdout.setEncoding('utf8').toArray() as Promise<string[]>
  for (const byte of bytes) if (!child.stdin.write(Buffer.of(byte))) await new Promise((done) => child.stdin.once('drain', done))
  child.stdin.end()
  const outcomes = parsed((await output).join(''))
  t.match(outcomes, [
    { line: 1, event: {} },
    { line: 2, event: { user_data: { ct: [/^[0-9a-f]{64}$/] } } },
  ])
  t.equal(outcomes.length, 2)
})

t.test('a line of many megabytes is refused, and its neighbours are not', async (t) => {
  const huge = JSON.stringify(record({ recordId: 'x'.repeat(3_000_000) }))
  const { code, stdout } = await run(['preview', '--at', AT], { input: ndjson(record(), huge, record()) })
  t.equal(code, 1)
  t.match(parsed(stdout), [{ event: {} }, { invalid: { text: 'the line is too long' } }, { event: {} }])
})

t.test('a hundred thousand lines pass without being gathered: the input waits while nobody takes the output', async (t) => {
  const line = `${JSON.stringify({ ...record(), fields: { note: 'x'.repeat(800) } })}\n`
  const chunk = line.repeat(1000)
  // Less than the lines themselves take up.
  const child = spawn(process.execPath, ['--max-old-space-size=72', main, 'preview', '--at', AT], {
    cwd: t.testdir({}),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.ok(100 * chunk.length > 80_000_000, `${100 * chunk.length} bytes`)
  let written = 0
  const write = async () => {
    for (; written < 100; written += 1) if (!child.stdin.write(chunk)) await new Promise((done) => child.stdin.once('drain', done))
    child.stdin.end()
  }
  const writing = write()
  await new Promise((done) => child.stdout.once('readable', done))
  // Time enough to take all of it, were nothing holding it back.
  await new Promise((done) => setTimeout(done, 1500))
  t.ok(written < 50, `${written} of 100 chunks were taken before anything was read`)
  let outcomes = 0
  child.stdout.setEncoding('utf8')
  for await (const text of child.stdout) outcomes += (text as string).split('\n').length - 1
  await writing
  t.equal(outcomes, 100_000)
})

t.test('the schema is JSON Schema, and instants are in it as ISO text or milliseconds', async (t) => {
  const { code, stdout } = await run(['preview', '--schema'])
  t.equal(code, 0)
  t.match(JSON.parse(stdout), {
    type: 'object',
    properties: {
      occurredAt: { anyOf: [{ type: 'integer' }, { type: 'string', format: 'date-time' }] },
      identity: { properties: { metaLeadId: { type: 'string' } } },
    },
    required: ['crm', 'account', 'recordType', 'recordId', 'stage', 'occurredAt'],
  })
})

t.test('a reader that stops early ends it quietly', async (t) => {
  const folder = t.testdir({})
  await writeFile(join(folder, 'records.ndjson'), ndjson(record()).repeat(20_000))
  const child = spawn('sh', ['-c', `"${process.execPath}" "${main}" preview --at ${AT} < records.ndjson | head -n 1`], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = await Promise.all([child.stdout.setEncoding('utf8').toArray(), child.stderr.setEncoding('utf8').toArray()])
  t.equal((stdout as string[]).join('').split('\n').length, 2)
  t.same(stderr, [])
})
