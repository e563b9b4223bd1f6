import t from 'tap'
import { longId } from '../../../connectors/salesforce/long-id.ts'

t.test('an id of fifteen characters gets the three that repeat its case', async (t) => {
  t.equal(longId('00D1t000000rXxR'), '00D1t000000rXxREAU')
  t.equal(longId('000000000000000'), '000000000000000AAA')
  t.equal(longId('00D1t000000rXxREAU'), '00D1t000000rXxREAU')
  t.equal(longId('00D1t000000rXxReau'), '00D1t000000rXxREAU', 'what comes after is known from what comes before')
})

t.test('what is no id has none', async (t) => {
  for (const text of ['', '00D', '00D1t000000rXxR1', '00D1t000000rXx-', '00D1t000000rXxREAU0', '00Q*'])
    t.equal(longId(text), undefined, text)
})
