import t from 'tap'
import { DATASET, testApp } from '../support/app.ts'

t.test('a stage change in HubSpot becomes a conversion event at Meta', async (t) => {
  const it = await testApp(t)
  const { id } = it.hubspot.create({
    type: 'contact',
    properties: { email: 'ana@example.com', firstname: 'Ana', lifecyclestage: 'lead', meta_lead_id: '12345678901234567' },
  })
  await it.settled()
  it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: 'marketingqualifiedlead' } })
  await it.settled()

  const events = it.meta.events({ dataset: DATASET })
  t.strictSame(
    events.map((event) => [event.eventName, event.leadId]),
    [
      ['Raw Lead', '12345678901234567'],
      ['Marketing Qualified Lead', '12345678901234567'],
    ],
  )
  const summary = it.meta.summary().datasets[DATASET]
  t.match(summary, { doubled: 0 })
  const ledger = await it.db.selectFrom('ledger').select(['stage_key', 'outcome', 'reason']).orderBy('occurred_at').execute()
  t.comment(JSON.stringify(ledger), JSON.stringify(summary))
})
