import t from 'tap'
import { checkAccess, findUnchecked } from '../../../server/delivery/check-access.ts'
import { createLog } from '../../../server/log.ts'
import { createGraphClient, type GraphClient } from '../../../server/meta/graph-client.ts'
import { setDataset } from '../../../server/settings/datasets.ts'
import { DATASET, type TestApp, TOKEN, testApp } from '../../support/app.ts'

const DAY = 86_400_000

function checking(it: TestApp) {
  const { graphUrl: baseUrl, graphVersion: version, timeoutMs } = it.config.meta
  const log = createLog({ level: 'silent' })
  return { db: it.db, vault: it.vault, log, graph: createGraphClient({ baseUrl, version, timeoutMs, log }) }
}
const notices = async (it: TestApp) =>
  (await it.db.selectFrom('notice').select(['code', 'text']).where('closed_at', 'is', null).orderBy('id').execute()).map(({ code }) => code)
const dataset = (it: TestApp) => it.db.selectFrom('dataset').selectAll().where('id', '=', it.datasetId).executeTakeFirstOrThrow()

t.test('a token that Meta withdrew is told of before the next event needs it', async (t) => {
  const it = await testApp(t, { launch: false })
  const options = checking(it)
  t.teardown(() => options.graph.close())
  t.strictSame(await findUnchecked(it.db), [it.datasetId])
  await checkAccess(options, it.datasetId)
  t.strictSame(await findUnchecked(it.db), [], 'once a day')
  t.equal((await dataset(it)).state, 'active')

  it.meta.breakToken({ token: TOKEN, subcode: 460 })
  await it.db
    .updateTable('dataset')
    .set({ token_checked_at: new Date(Date.now() - 2 * DAY) })
    .execute()
  t.strictSame(await findUnchecked(it.db), [it.datasetId])
  await checkAccess(options, it.datasetId)
  t.match(await dataset(it), { state: 'held', hold_reason: 'reconnect' })
  t.strictSame(await notices(it), ['reconnect'])
  t.strictSame(await findUnchecked(it.db), [], 'it is known to be held')
})

t.test('a new token is not blamed for the one before, though Meta was asked about that just now', async (t) => {
  const it = await testApp(t, { launch: false })
  const options = checking(it)
  t.teardown(() => options.graph.close())
  it.meta.breakToken({ token: TOKEN, subcode: 460 })
  const graph: GraphClient = {
    ...options.graph,
    async probeDataset(...asked) {
      const result = await options.graph.probeDataset(...asked)
      const given = { workspace: it.workspaceId, metaId: DATASET, token: 'EAAnewtoken000000000000000000001', probe: false }
      await setDataset({ db: it.db, actor: 'test' }, given, options)
      return result
    },
  }
  await checkAccess({ ...options, graph }, it.datasetId)
  t.equal((await dataset(it)).state, 'active')
  t.strictSame(await notices(it), [])
})

t.test('a token for sending alone, and a Meta that does not answer, hold nothing', async (t) => {
  const it = await testApp(t, { launch: false })
  const options = checking(it)
  t.teardown(() => options.graph.close())
  it.meta.fail({ path: `/${DATASET}$`, code: 200, message: 'permission missing', times: 1 })
  await checkAccess(options, it.datasetId)
  it.meta.misbehave({ how: 'drop', path: `/${DATASET}$`, times: 1 })
  await checkAccess(options, it.datasetId)
  t.equal((await dataset(it)).state, 'active')
  t.strictSame(await notices(it), [])
})

t.test('where the access came with the right to look, losing that is told, until Meta shows the dataset again', async (t) => {
  const it = await testApp(t, { launch: false })
  const options = checking(it)
  t.teardown(() => options.graph.close())
  await it.db.updateTable('dataset').set({ access: 'login' }).execute()
  it.meta.fail({ path: `/${DATASET}$`, code: 200, message: 'permission missing', times: 2 })
  await checkAccess(options, it.datasetId)
  await checkAccess(options, it.datasetId)
  t.equal((await dataset(it)).state, 'active', 'whether events are refused, they will tell')
  t.strictSame(await notices(it), ['access_lost'], 'once')
  await checkAccess(options, it.datasetId)
  t.strictSame(await notices(it), [])
})

t.test('who signed in is reminded two weeks before that ends, and no more once it was renewed', async (t) => {
  const it = await testApp(t, { launch: false })
  const options = checking(it)
  t.teardown(() => options.graph.close())
  const endsIn = async (ms: number) => {
    await it.db
      .updateTable('dataset')
      .set({ token_expires_at: new Date(Date.now() + ms) })
      .execute()
    await checkAccess(options, it.datasetId)
  }
  await endsIn(14 * DAY + 60_000)
  t.strictSame(await notices(it), [])
  await endsIn(14 * DAY - 60_000)
  t.strictSame(await notices(it), ['token_ends'])
  await endsIn(60 * DAY)
  t.strictSame(await notices(it), [])
})
