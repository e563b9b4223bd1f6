import t, { type Test } from 'tap'
import type { AppCredentials, ConnectionContext, Connector, Install, StreamContext } from '../../../connectors/connector.ts'
import { CodedError } from '../../../connectors/errors.ts'
import { createLog } from '../../../server/log.ts'
import { measureConnectors, measureHttp, measureScheduler, measureStore } from '../../../server/operations/measure.ts'
import { createMetrics } from '../../../server/operations/metrics.ts'
import { createInProcessScheduler } from '../../../server/schedule/in-process.ts'
import { until } from '../../support/app.ts'
import { testDatabase } from '../../support/database.ts'
import { lineConnector, startLineServer } from '../../support/line-stream.ts'

const log = createLog({ level: 'silent' })

async function setUp(t: Test) {
  const metrics = createMetrics({ db: await testDatabase(t), log, depths: async () => undefined })
  return {
    meter: metrics.meter,
    /** Lines of these metrics, without those of buckets and times. */
    async lines(...names: string[]) {
      const lines = (await metrics.text()).split('\n').filter((line) => names.some((name) => line.startsWith(`leadstage_${name}`)))
      return lines.filter((line) => !/_(bucket|sum)[ {]/.test(line)).map((line) => line.slice('leadstage_'.length))
    },
  }
}

const error = (code: string, retry: CodedError['retry'], scope: CodedError['scope'] = 'event') =>
  new CodedError({ code, retry, scope, userText: code })
const context: ConnectionContext = {
  client: { request: () => Promise.reject(error('none', 'never')) },
  account: 'a1',
  scopes: [],
  settings: {},
  ruleFields: [],
}
const app: AppCredentials = { appId: '1', clientId: '1', clientSecrets: ['s'], baseUrl: 'https://lines.example.com' }

t.test('changes are counted by the way they come', async (t) => {
  const { meter, lines } = await setUp(t)
  const server = await startLineServer(t)
  const connector: Connector = {
    ...lineConnector('lines'),
    poll: async () => ({ changes: [1, 2], position: '2', more: false }),
    history: async () => ({ changes: [1, 2, 3], records: 3 }),
  }
  const measured = measureConnectors({ lines: connector }, meter).lines as Connector
  await measured.poll?.(context, undefined, 0)
  await measured.history?.(context, { from: 0, to: 1 }, undefined)

  const hub = measured.stream?.open({ ...app, streamUrl: server.url })
  const kept: unknown[] = []
  const access = { current: async () => ({ token: 't', apiUrl: '' }), instead: async () => undefined }
  const schemas = { read: async () => undefined, write: async () => undefined }
  const stopping = new AbortController()
  const stream: StreamContext = { ...context, access, schemas }
  const sink = { keep: async ({ changes }: { changes: unknown[] }) => void kept.push(...changes), standing: () => undefined }
  const followed = hub?.follow(stream, undefined, sink, stopping.signal)
  await until(() => server.open('a1') === 1)
  server.send('a1', [1, 2, 3, 4])
  await until(() => kept.length === 4)
  stopping.abort()
  await followed
  await hub?.close()
  t.strictSame(await lines('changes_total'), [
    'changes_total{crm="lines",way="poll"} 2',
    'changes_total{crm="lines",way="history"} 3',
    'changes_total{crm="lines",way="stream"} 4',
  ])
})

t.test('lookups and renewals are counted by what came of them, and their errors stay theirs', async (t) => {
  const { meter, lines } = await setUp(t)
  let failure: CodedError | undefined
  const answer = <Value>(value: Value) => (failure === undefined ? Promise.resolve(value) : Promise.reject(failure))
  const grant = { accessToken: 'a', refreshToken: 'r', expiresAt: 0, account: 'a1', scopes: [] }
  const install: Install = {
    scopes: { required: [], optional: [] },
    asks: [],
    consentUrl: () => '',
    exchange: () => answer(grant),
    refresh: () => answer(grant),
  }
  const connector = lineConnector('lines', {
    install,
    lookup: (_context, wanted) => answer(wanted.map(({ ref }) => ({ ref, found: ref.id !== 'gone', stages: [], fields: {} }))),
  })
  const measured = measureConnectors({ lines: connector }, meter).lines as Connector
  const look = async (...ids: string[]) =>
    measured.lookup?.(
      context,
      ids.map((id) => ({ ref: { type: 'x', id }, history: false })),
    )
  const renew = async () => measured.install?.refresh(app, grant, () => Promise.reject(error('none', 'never')), 0)
  t.equal((await look('1', '2', 'gone'))?.length, 3)
  t.equal(await renew(), grant)
  for (const [thrown, ids] of [
    [error('network', 'later', 'connection'), ['1', '2']],
    [error('refused', 'never'), ['1', '2']],
    [error('refused', 'never'), ['1']],
    [error('scope_missing', 'never', 'connection'), ['1']],
  ] as const) {
    failure = thrown
    await t.rejects(look(...ids), thrown)
  }
  for (const thrown of [error('grant_revoked', 'never'), error('network', 'later')]) {
    failure = thrown
    await t.rejects(renew(), thrown)
  }
  t.strictSame(await lines('lookup', 'token'), [
    'lookup_duration_seconds_count{crm="lines"} 5',
    'lookup_records_total{crm="lines",outcome="found"} 2',
    'lookup_records_total{crm="lines",outcome="gone"} 1',
    'lookup_records_total{crm="lines",outcome="failed"} 3',
    'lookup_records_total{crm="lines",outcome="refused"} 1',
    'token_renewals_total{crm="lines",outcome="renewed"} 1',
    'token_renewals_total{crm="lines",outcome="refused"} 1',
    'token_renewals_total{crm="lines",outcome="failed"} 1',
  ])
})

t.test('requests without an answer, failed runs and what could not be stored are told as such', async (t) => {
  const { meter, lines } = await setUp(t)
  const ok = measureHttp(async () => ({ status: 429, headers: {}, text: '' }), 'lines', meter)
  const none = measureHttp(() => Promise.reject(error('network', 'later')), 'lines', meter)
  t.match(await ok({ method: 'GET', url: '/' }), { status: 429 })
  await t.rejects(none({ method: 'GET', url: '/' }), { code: 'network' })

  const store = measureStore<number>(async (packets) => {
    if (packets.length > 1) throw error('database_unavailable', 'later')
  }, meter)
  await store([1])
  await t.rejects(store([1, 2]), { code: 'database_unavailable' })

  const scheduler = measureScheduler(createInProcessScheduler({ log }), meter)
  let runs = 0
  scheduler.register('try', async () => {
    runs += 1
    if (runs === 1) throw error('once', { afterMs: 1 })
  })
  scheduler.wake('try', 'a')
  scheduler.start()
  await until(() => runs === 2)
  await scheduler.stop({ graceMs: 1_000 })
  t.strictSame((await lines('crm_request', 'intake', 'run')).sort(), [
    'crm_request_duration_seconds_count{crm="lines",answer="429"} 1',
    'crm_request_duration_seconds_count{crm="lines",answer="none"} 1',
    'intake_commit_duration_seconds_count 1',
    'intake_packets_total 1',
    'run_duration_seconds_count{kind="try",outcome="done"} 1',
    'run_duration_seconds_count{kind="try",outcome="failed"} 1',
  ])
})

t.test('without a meter everything is left as it is', async (t) => {
  const connectors = { lines: lineConnector('lines') }
  const scheduler = createInProcessScheduler({ log })
  t.equal(measureConnectors(connectors, undefined), connectors)
  t.equal(measureScheduler(scheduler, undefined), scheduler)
})
