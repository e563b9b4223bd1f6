/** In whose name, and under which rules, captured leads are reported. */
import t from 'tap'
import { rules } from '../../../mappings/rules.ts'
import { transaction } from '../../../server/database/transaction.ts'
import { asStrictAs } from '../../../server/resolve/speakers.ts'
import { routeCaptured } from '../../../server/settings/route-captured.ts'
import { removeRoute } from '../../../server/settings/routes.ts'
import { testApp, until } from '../../support/app.ts'
import { story } from '../../support/look.ts'
import { connectPage, pagesEnv } from '../../support/page.ts'
import { sent } from './sharing.ts'

t.test('what a CRM holds back of people is held back of captured leads, too', async (t) => {
  const own = rules.parse({ limitedDataUse: 'us_states', defaultCountry: 'AT' })
  const speaking = (given: object) => ({ rules: rules.parse(given) })
  t.same(asStrictAs(own, []), own)
  t.same(asStrictAs(own, [speaking({})]), own, 'what the page itself holds back stays')
  t.same(
    asStrictAs(own, [
      speaking({ whichLeads: 'lead_id_only', leadIdEncoding: 'string' }),
      speaking({ limitedDataUse: 'always', defaultCountry: 'DE' }),
    ]),
    rules.parse({ whichLeads: 'lead_id_only', leadIdEncoding: 'string', limitedDataUse: 'always', defaultCountry: 'AT' }),
  )
})

t.test('where the CRM may keep nothing but lead ids, nothing else is kept of captured leads', async (t) => {
  const it = await testApp(t, { env: pagesEnv(), rules: { whichLeads: 'lead_id_only' } })
  const page = await connectPage(t, it)
  const lead = page.submit({ email: 'ana@example.com' })
  await until(() => sent(it).length === 1)
  t.match(it.meta.events(), [{ leadId: lead, keys: ['lead_id'] }])
  t.same(await it.db.selectFrom('lead_key').selectAll().execute(), [])
})

t.test('a funnel that is only tried out sends no raw leads either', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const page = await connectPage(t, it)
  await it.db.updateTable('route').set({ mode: 'shadow' }).where('connection_id', '=', it.connectionId).execute()
  const lead = page.submit({ email: 'ana@example.com' })
  await until(async () => (await story(it.db, lead)).length === 1)
  t.same(await story(it.db, lead), ['raw_lead suppressed route_shadow'])
})

t.test('a page feeds the datasets that are there and those that come, but none that was taken away from it', async (t) => {
  const it = await testApp(t, { env: pagesEnv() })
  const { connectionId } = await connectPage(t, it)
  const datasets = async () =>
    (await it.db.selectFrom('route').select('dataset_id').where('connection_id', '=', connectionId).orderBy('dataset_id').execute()).map(
      ({ dataset_id }) => dataset_id,
    )
  t.same(await datasets(), [it.datasetId])
  await removeRoute({ db: it.db, actor: 'test' }, connectionId, String(it.datasetId))
  const { id } = await it.db
    .insertInto('dataset')
    .values({ workspace_id: it.workspaceId, meta_id: '700000000000009' })
    .returning('id')
    .executeTakeFirstOrThrow()
  await transaction(it.db, (trx) => routeCaptured(trx, it.workspaceId, { datasetId: id }))
  t.same(await datasets(), [id])
  t.match(await it.db.selectFrom('connection').select('state').where('id', '=', connectionId).execute(), [{ state: 'active' }])
})
