import t from 'tap'
import { type FieldNoteCode, fieldNotes, fieldNoteText, type ReasonCode, reasons, reasonText } from '../../mappings/reasons.ts'

t.test('every reason has a text of whole sentences for the customer', async (t) => {
  for (const code of [...Object.keys(reasons), ...Object.keys(fieldNotes)]) {
    const text = code in reasons ? reasonText(code as ReasonCode) : fieldNoteText(code as FieldNoteCode)
    t.match(code, /^[a-z][a-z0-9_]*$/)
    t.match(text, /^[A-Z].+\.$/, code)
    t.ok(text.length <= 200, `${code} is short`)
    t.notMatch(text, /[{}]/, code)
  }
})

t.test('parameters are filled in, and missing ones leave a gap', async (t) => {
  t.match(reasonText('stage_off', { stage: 'Evangelist' }), '"Evangelist"')
  t.match(reasonText('stage_off'), '"…"')
  t.match(reasonText('unreadable_change', { attempts: 2, error: 'x' }), 'after 2 attempts')
  t.equal(reasonText('stage_off', { stage: '$& {stage}' }).includes('$& {stage}'), true, 'as they are')
})

t.test('a translation takes the place of the texts', async (t) => {
  const german = { ...reasons, test_lead: { text: 'Testlead.' } }
  t.equal(reasonText('test_lead', {}, german), 'Testlead.')
})
