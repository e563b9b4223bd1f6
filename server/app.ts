/** Composition: the parts of the server, wired together. No ports, signals or exit codes here; `main.ts` has those. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Connector } from '../connectors/connector.ts'
import { connectors as registry } from '../connectors/registry.ts'
import { findBackfills, runBackfill } from './backfill/run.ts'
import type { Config } from './config.ts'
import { createConnections } from './connections/connections.ts'
import { createHttp } from './connections/http.ts'
import { forgetConsents } from './connections/install/consents.ts'
import { purge } from './connections/purge.ts'
import { findIdleGrants, renewIdle } from './connections/renew-idle.ts'
import { endWhatIsOver } from './connections/retention.ts'
import type { Vault } from './connections/vault.ts'
import { answers } from './database/answers.ts'
import { dropOldPartitions, ensurePartitions } from './database/partitions.ts'
import type { Database } from './database/pool.ts'
import { checkAccess, findUnchecked } from './delivery/check-access.ts'
import { deliver } from './delivery/deliver.ts'
import { keepFigures } from './figures/keep-figures.ts'
import { createHttpServer } from './http.ts'
import { settleArrivals } from './intake/arrival.ts'
import { catchUp } from './intake/catch-up.ts'
import { createDirectory } from './intake/directory.ts'
import { catchUpSoon, findBehind } from './intake/history-cursor.ts'
import { createInbox } from './intake/inbox.ts'
import { findPolls, poll } from './intake/poll.ts'
import { intake } from './intake/routes.ts'
import { forgetSamples } from './intake/sample.ts'
import { createStreams } from './intake/streams.ts'
import { createWebhookAccess } from './intake/webhook-access.ts'
import { findWriteBacks, writeBack } from './leads/write-back.ts'
import type { Log } from './log.ts'
import { createGraphClient } from './meta/graph-client.ts'
import { health } from './operations/health.ts'
import { measureConnectors, measureGraph, measureScheduler, measureStore } from './operations/measure.ts'
import { createMetrics } from './operations/metrics.ts'
import { addMetrics } from './operations/metrics-route.ts'
import { createNotifier, forgetMessages } from './operations/notices/notify.ts'
import { watchMissing } from './operations/notices/watch-missing.ts'
import { watchSilence } from './operations/notices/watch-silence.ts'
import { findWork, warnOfExpiry } from './operations/sweep.ts'
import { forgetRepeats } from './resolve/repeats.ts'
import { resolve } from './resolve/resolve.ts'
import { createBullScheduler } from './schedule/bull.ts'
import { createInProcessScheduler } from './schedule/in-process.ts'
import type { Scheduler } from './schedule/scheduler.ts'
import { createVigil } from './schedule/vigil.ts'
import { settingsApi } from './settings/api/api.ts'
import { forgetPages } from './settings/api/passes.ts'
import { webPage } from './settings/api/web-page.ts'
import { dataDeletion } from './settings/data-deletion.ts'
import { installRoutes } from './settings/install/routes.ts'

export interface AppOptions {
  config: Config
  db: Database
  vault: Vault
  log: Log
  connectors?: Readonly<Record<string, Connector>>
  scheduler?: Scheduler
  /** The clock by which times are judged, milliseconds since the epoch. */
  now?: () => number
}

export interface App {
  server: FastifyInstance
  /** Starts working; the caller makes `server` listen. */
  start(): void
  /** Takes no more requests, lets what is under way finish, then lets go. The database stays open. */
  stop(): Promise<void>
}

const SWEEP_MS = 2_000
const NOTIFY_MS = 15_000
const SILENCE_MS = 600_000
const MISSING_MS = 60_000
const FIGURES_MS = 60_000
const HOUR = 3_600_000
/** What is under way may take as long as one request to Meta. */
const GRACE_MS = 12_000

export async function createApp(options: AppOptions): Promise<App> {
  const { config, db, vault, log, now = Date.now } = options
  const metrics = config.metricsToken === undefined ? undefined : createMetrics({ db, log, depths: () => scheduler.depths() })
  const meter = metrics?.meter
  const connectors = measureConnectors(options.connectors ?? registry, meter)
  const works = config.role !== 'web'
  const { redis } = config
  const ownScheduler = () =>
    redis === undefined ? createInProcessScheduler({ log }) : createBullScheduler({ ...redis, log, works, able: () => answers(db) })
  const scheduler = measureScheduler(options.scheduler ?? ownScheduler(), meter)
  const crmHttp = createHttp()
  const graphClient = createGraphClient({
    baseUrl: config.meta.graphUrl,
    version: config.meta.graphVersion,
    timeoutMs: config.meta.timeoutMs,
    partnerAgent: config.meta.partnerAgent,
    log,
  })
  const graph = measureGraph(graphClient, meter)
  const connections = createConnections({
    ...{ db, vault, apps: config.crm, http: crmHttp.http, log, connectors, meter },
    shared: config.redis !== undefined,
  })
  const limits = { maxAgeMs: config.eventMaxAgeMs, maxFutureMs: config.eventMaxFutureMs }
  const resolveOptions = {
    db,
    vault,
    connections,
    limits,
    identityTtlMs: config.identityTtlMs,
    waitForLeadMs: config.waitForLeadDays * 24 * HOUR,
    log,
    wakeDelivery: (datasetId: number) => scheduler.wake('deliver', String(datasetId)),
    meter,
    now,
  }
  const deliveryOptions = {
    db,
    vault,
    graph,
    limits: { ...limits, batchLimit: config.batchLimit },
    timeoutMs: config.meta.timeoutMs,
    ...(config.meta.app && { metaApp: config.meta.app }),
    log,
    meter,
    now,
  }

  const backfillOptions = { ...resolveOptions, wakeResolve: (connectionId: number) => scheduler.wake('resolve', String(connectionId)) }
  const catchUpOptions = { ...backfillOptions, everyMs: config.catchUpMs }

  const notifier = createNotifier({ db, vault, log, mail: config.mail })
  const streams = createStreams({ ...backfillOptions, connectors, apps: config.crm })

  scheduler.register('resolve', (key, signal) => resolve(resolveOptions, Number(key), signal))
  scheduler.register('check', (key) => checkAccess(deliveryOptions, Number(key)), { concurrent: 2 })
  scheduler.register('deliver', (key, signal) => deliver(deliveryOptions, Number(key), signal))
  scheduler.register('backfill', (key, signal) => runBackfill(backfillOptions, Number(key), signal), { concurrent: 4 })
  scheduler.register('reconcile', (key) => catchUp(catchUpOptions, Number(key)), { concurrent: 4 })
  scheduler.register('poll', (key) => poll(backfillOptions, Number(key)), { concurrent: 4 })
  const retention = { db, vault, retentionDays: config.retentionDays }
  scheduler.register('purge', (key, signal) => purge(retention, Number(key), signal), { concurrent: 1 })
  scheduler.register('renew', (key) => renewIdle(connections, Number(key)), { concurrent: 2 })
  scheduler.register('write_back', (key, signal) => writeBack({ db, connections, log }, Number(key), signal), { concurrent: 2 })
  // Whatever happened while nobody ran.
  scheduler.register('awake', async () => {
    await settleArrivals(db, connectors, { all: true })
    // Of many processes others may have been at work all the time.
    if (redis === undefined) await catchUpSoon(db)
  })
  const vigil = works && redis !== undefined ? createVigil(db, () => catchUpSoon(db)) : undefined
  scheduler.register('sweep', async () => {
    await settleArrivals(db, connectors)
    const work = await findWork(db)
    for (const id of work.connections) scheduler.wake('resolve', String(id))
    for (const id of work.datasets) scheduler.wake('deliver', String(id))
    for (const id of await findBehind(db)) scheduler.wake('reconcile', String(id))
    for (const id of await findPolls(db, connectors)) scheduler.wake('poll', String(id))
    for (const id of await findBackfills(db)) scheduler.wake('backfill', String(id))
    for (const id of await findWriteBacks(db)) scheduler.wake('write_back', String(id))
  })
  scheduler.register('upkeep', async () => {
    await ensurePartitions(db, Date.now())
    await dropOldPartitions(db, Date.now(), config.ledgerDays)
    await forgetRepeats(db, config.ledgerDays)
    await forgetSamples(db)
    await forgetConsents(db)
    await forgetPages(db)
    await warnOfExpiry(db)
    for (const id of await findUnchecked(db)) scheduler.wake('check', String(id))
    await forgetMessages(db)
    for (const id of await endWhatIsOver(retention)) scheduler.wake('purge', String(id))
    for (const id of await findIdleGrants(db)) scheduler.wake('renew', String(id))
  })
  scheduler.register('notify', (_key, signal) => notifier.notify(signal))
  scheduler.register('silence', () => watchSilence(db))
  scheduler.register('missing', () => watchMissing(db))
  scheduler.register('figures', (_key, signal) => keepFigures({ db, ledgerDays: config.ledgerDays, now }, signal))
  scheduler.every('notify', 'all', NOTIFY_MS)
  scheduler.every('silence', 'all', SILENCE_MS)
  scheduler.every('missing', 'all', MISSING_MS)
  scheduler.every('figures', 'all', FIGURES_MS)
  scheduler.every('sweep', 'all', SWEEP_MS)
  scheduler.every('upkeep', 'all', HOUR)
  if (works) scheduler.wake('awake', 'all')

  let stopping = false
  const server = createHttpServer({ bodyLimit: config.bodyLimitBytes, trustProxy: config.trustProxy, log })
  if (metrics !== undefined && config.metricsToken !== undefined) addMetrics(server, metrics, config.metricsToken, Object.keys(connectors))
  await server.register(health, { db, stopping: () => stopping })
  const takeRequests = async () => {
    await server.register(intake, {
      connectors,
      credentials: config.crm,
      publicUrl: config.publicUrl,
      bodyLimit: config.bodyLimitBytes,
      sealer: vault.for('packet'),
      directory: createDirectory(db),
      store: measureStore(createInbox(db), meter),
      access: createWebhookAccess(db, vault),
      wake: (connectionId: number) => scheduler.wake('resolve', String(connectionId)),
      now,
    })

    await server.register(installRoutes, {
      ...{ db, vault, connections, connectors, graph, log, sending: deliveryOptions },
      ...{ graphUrl: config.meta.graphUrl, graphVersion: config.meta.graphVersion },
      ...(config.meta.app && { metaApp: config.meta.app }),
      apps: config.crm,
      http: crmHttp.http,
      publicUrl: config.publicUrl,
      connected: () => works && void streams.look(),
    })

    await server.register(webPage, { db, connectors, apps: config.crm, http: crmHttp.http, log })
    await server.register(settingsApi, {
      prefix: '/api',
      ...{ db, vault, connections, connectors, graph, log, sending: deliveryOptions },
      ...(config.meta.app && { metaApp: config.meta.app }),
      apps: config.crm,
      http: crmHttp.http,
      publicUrl: config.publicUrl,
      mail: notifier.tools,
    })

    if (config.meta.app !== undefined) {
      await server.register(dataDeletion, { db, vault, appSecret: config.meta.app.secret, publicUrl: config.publicUrl })
    }
  }
  if (config.role !== 'worker') await takeRequests()

  return {
    server,
    start() {
      scheduler.start()
      void vigil?.start()
      if (works) streams.start()
    },
    async stop() {
      stopping = true
      if (config.role !== 'worker' && server.server.listening) await sleep(config.stopDelayMs)
      await server.close()
      await Promise.all([streams.stop({ graceMs: GRACE_MS }), scheduler.stop({ graceMs: GRACE_MS }), vigil?.stop()])
      await Promise.all([graph.close(), notifier.close(), crmHttp.close()])
    },
  }
}
