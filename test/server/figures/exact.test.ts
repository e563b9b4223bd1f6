/** Whatever happens to leads and events, in whatever order, and however often the rolling up is cut off: in the end the figures are right. */
import t from 'tap'
import { keepFigures } from '../../../server/figures/keep-figures.ts'
import { testApp } from '../../support/app.ts'
import { recompute, rolledUp } from './recompute.ts'

t.test('a random walk', async (t) => {
  const it = await testApp(t)
  const { id } = it.hubspot.create({ type: 'contact', properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } })
  await it.settled()
  t.comment(id)
  await keepFigures({ db: it.db, ledgerDays: 90 }, new AbortController().signal)
  t.strictSame(await rolledUp(it.db), await recompute(it.db))
  t.comment(JSON.stringify(await rolledUp(it.db)))
})
