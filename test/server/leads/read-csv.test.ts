import { Readable } from 'node:stream'
import t from 'tap'
import { leadRows } from '../../../server/leads/lead-row.ts'
import { type CsvRow, readCsv } from '../../../server/leads/read-csv.ts'

async function* inPieces(bytes: Buffer, size: number) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
}
async function read(bytes: Buffer, size = 7): Promise<CsvRow[]> {
  const rows: CsvRow[] = []
  for await (const part of readCsv(inPieces(bytes, size))) rows.push(...part)
  return rows
}
const cellsOf = (rows: readonly CsvRow[]) => rows.map(({ cells }) => cells)
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16()

t.test('every encoding and separator that exports have is understood, wherever a piece of the file ends', async (t) => {
  const table = [
    ['id', 'full name', 'email'],
    ['l:12345678901234567', 'Zoë Müller 😀', 'zoe@example.com'],
  ]
  for (const delimiter of [',', ';', '\t']) {
    for (const end of ['\n', '\r\n', '\r']) {
      const text = table.map((row) => row.join(delimiter)).join(end) + end
      const files = {
        utf8: Buffer.from(text),
        'utf8 with a mark': Buffer.from(`\uFEFF${text}`),
        utf16: Buffer.from(text, 'utf16le'),
        'utf16 with a mark': Buffer.from(`\uFEFF${text}`, 'utf16le'),
        'utf16, the other way round': utf16be(`\uFEFF${text}`),
      }
      for (const [name, bytes] of Object.entries(files)) {
        for (const size of [1, 2, 5, 1_000])
          t.strictSame(cellsOf(await read(bytes, size)), table, `${JSON.stringify([delimiter, end])} ${name} ${size}`)
      }
    }
  }
})

t.test('cells in quotation marks hold separators, marks and lines, and lines are counted', async (t) => {
  const rows = await read(Buffer.from('id,note\r\n1,"a, ""b""\r\nc"\r\n\r\n2,plain "quote"\n3,\n"",\n4'))
  t.strictSame(rows, [
    { line: 1, cells: ['id', 'note'] },
    { line: 2, cells: ['1', 'a, "b"\r\nc'] },
    { line: 5, cells: ['2', 'plain "quote"'] },
    { line: 6, cells: ['3', ''] },
    { line: 7, cells: ['', ''] },
    { line: 8, cells: ['4'] },
  ])
  t.strictSame(await read(Buffer.from('')), [])
  await t.rejects(read(Buffer.from('id,note\n1,"never closed\n2,x\n')), { code: 'not_csv' })
  await t.rejects(read(Buffer.from(`id\n"${'x'.repeat(2_000_000)}`), 65_536), { code: 'not_csv' })
})

t.test('a table of Meta’s is read with its labels, and ids keep all their digits', async (t) => {
  const headings = [
    'id',
    'created_time',
    'ad_id',
    'ad_name',
    'adset_id',
    'adset_name',
    'campaign_id',
    'campaign_name',
    'form_id',
    'form_name',
  ]
  const readRow = leadRows([...headings, 'is_organic', 'platform', 'E-mail', 'phone_number'])
  const cells = ['l:12345678901234567', '2026-11-20T08:49:14+0000', 'ag:23850000000000001', 'Video', 'as:23850000000000002', 'Parents']
  const more = ['c:23850000000000003', 'Spring', 'f:206000000000001', 'Offer', 'false', 'FB', ' Ana@Example.com ', 'p:+491701234567']
  t.strictSame(readRow([...cells, ...more]), {
    kind: 'lead',
    metaLeadId: '12345678901234567',
    captured: {
      ...{ by: null, isTest: false, formId: '206000000000001', formName: 'Offer', adId: '23850000000000001', adName: 'Video' },
      ...{ adsetId: '23850000000000002', adsetName: 'Parents', campaignId: '23850000000000003', campaignName: 'Spring', platform: 'fb' },
      ...{ generatedAt: Date.UTC(2026, 10, 20, 8, 49, 14), organic: false },
    },
    identity: { metaLeadId: '12345678901234567', emails: ['Ana@Example.com'], phones: ['+491701234567'] },
  })
})

t.test('what a spreadsheet did to an id is told, and nothing is guessed', async (t) => {
  const readRow = leadRows(['Record', 'Lead ID', 'created_time', 'email'])
  const code = (id: string) => readRow(['7', id, '', '']).kind === 'unreadable' && (readRow(['7', id, '', '']) as { code: string }).code
  t.equal(code('1.23457E+16'), 'lead_id_rounded')
  t.equal(code('123'), 'lead_id_too_short')
  t.equal(code('123456789012345678'), 'lead_id_too_long')
  t.equal(code('00Q5e00000abcde'), 'lead_id_not_digits')
  t.equal(code(' '), 'lead_id_missing')
  t.match(readRow(['7', '123456789012345', '11/20/2026 8:49am', '<test lead: dummy data for email>']), {
    captured: { isTest: true, generatedAt: undefined },
  })
  t.match(leadRows(['id', 'lead_id'])(['42', '123456789012345']), { metaLeadId: '123456789012345' }, 'a tool’s own id is not taken')
  t.throws(() => leadRows(['name', 'email']), { code: 'no_lead_id_column', userText: /name, email/ })
})

t.test('a large file that is there at once is read in pieces, and others get their turn between them', async (t) => {
  let turns = 0
  let timer = setImmediate(function count() {
    turns += 1
    timer = setImmediate(count)
  })
  t.teardown(() => clearImmediate(timer))
  const rows: CsvRow[] = []
  const parts: number[] = []
  for await (const part of readCsv(Readable.from([Buffer.from(`id,email\n${'1,a\n'.repeat(250_000)}`)]))) {
    parts.push(part.length)
    rows.push(...part)
  }
  t.equal(rows.length, 250_001)
  t.ok(Math.max(...parts) < 20_000)
  t.ok(turns > 10, `${turns}`)
})
