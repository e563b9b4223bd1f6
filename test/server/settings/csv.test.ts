import t from 'tap'
import { csvHead, csvLeadId, csvLine } from '../../../server/settings/csv.ts'
import { mappingCsv } from '../../../server/settings/export-mapping.ts'
import { funnel } from '../../support/funnel.ts'

t.test('cells keep their text, whatever it holds', async (t) => {
  t.equal(
    csvLine(['plain', 'a,b', 'a "b"', 'two\nlines', ' edge ', 7, true, null, undefined]),
    'plain,"a,b","a ""b""","two\nlines"," edge ",7,true,,\r\n',
  )
  t.equal(csvLine([new Date(0)]), '1970-01-01T00:00:00.000Z\r\n')
  t.equal(csvHead(['a', 'b']), '\uFEFFa,b\r\n')
})

t.test('no cell is a formula', async (t) => {
  for (const text of ['=1+1', '+49 170', '-2', '@SUM(A1)', '\t=1', '\r=1']) t.match(csvLine([text]), /^"?'/, JSON.stringify(text))
  t.equal(csvLine(['=HYPERLINK("https://evil.example","x")']), `"'=HYPERLINK(""https://evil.example"",""x"")"\r\n`)
})

t.test('no cell is a number that a spreadsheet would round', async (t) => {
  t.equal(csvLine([csvLeadId('9007199254740993'), csvLeadId(null)]), 'l:9007199254740993,\r\n')
  t.equal(csvLine(['700000000000001', '12345678901', '12e7', 'a12e7']), "'700000000000001,12345678901,'12e7,a12e7\r\n")
})

t.test('a mapping is a table of its stages in funnel order', async (t) => {
  const lines = mappingCsv(funnel()).split('\r\n')
  t.match(lines[1], /^,,,new lead,Raw Lead,yes,no,no$/)
  t.equal(lines.length, funnel().stages.length + 3)
  t.match(
    lines.find((line) => line.includes(',customer,')),
    /,Converted,yes,/,
  )
})
