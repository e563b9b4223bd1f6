import t from 'tap'
import { warnOfExpiry } from '../../../server/operations/sweep.ts'
import { answerCrmDataset } from '../../../server/settings/crm-dataset.ts'
import { resumeDataset } from '../../../server/settings/datasets.ts'
import { DATASET, testApp } from '../../support/app.ts'

const DAY = 86_400_000

t.test('on the fifth day a held dataset tells what will be lost, once, until it sends again', async (t) => {
  const it = await testApp(t, { launch: false })
  const record = await it.db
    .insertInto('record')
    .values({ connection_id: it.connectionId, type: 'contact', record_id: '1', first_seen_at: new Date() })
    .returning('id')
    .executeTakeFirstOrThrow()
  const lead = await it.db
    .insertInto('lead')
    .values({ workspace_id: it.workspaceId, meta_lead_id: '123456789012345', learned_at: new Date() })
    .returning('id')
    .executeTakeFirstOrThrow()
  const event = (n: number, at: number) => ({
    ...{ dataset_id: it.datasetId, connection_id: it.connectionId, record_id: record.id, lead_id: lead.id },
    ...{ occurred_at: new Date(at), event_id: `00000000-0000-0000-0000-00000000000${n}`, payload: '{}' },
  })
  const told = () => it.db.selectFrom('notice').select(['code', 'text']).where('closed_at', 'is', null).orderBy('id').execute()
  await it.db
    .insertInto('outbox')
    .values([event(1, Date.now() - 5 * DAY - 60_000), event(2, Date.now() - 4 * DAY)])
    .execute()
  await warnOfExpiry(it.db)
  t.same(await told(), [], 'while it sends there is nothing to tell')

  const caller = { db: it.db, actor: 'test' }
  await answerCrmDataset(caller, DATASET, 'no')
  await it.db.updateTable('dataset').set({ state: 'held' }).execute()
  await warnOfExpiry(it.db)
  await warnOfExpiry(it.db)
  t.match(await told(), [{ code: 'not_crm_dataset' }, { code: 'expiring', text: /^1 events .* five days.*within two days/ }])
  await resumeDataset(caller, DATASET)
  t.match(await told(), [{ code: 'not_crm_dataset' }], 'what somebody said of it stays')
})
