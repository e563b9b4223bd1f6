/** Parts of the server that tell a meter of their work, around the same parts that know nothing of it. Without a meter they are left as they are. */
import type { AppPush, ConnectionPush, Connector, HttpPort, Install, StreamHub } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import type { GraphClient } from '../meta/graph-client.ts'
import type { Scheduler } from '../schedule/scheduler.ts'
import type { Meter } from './meter.ts'

/** Counts runs by kind, with their time. */
export function measureScheduler(scheduler: Scheduler, meter: Meter | undefined): Scheduler {
  if (meter === undefined) return scheduler
  return {
    ...scheduler,
    register(kind, run, options) {
      const measured: typeof run = async (key, signal) => {
        const seconds = stopwatch()
        try {
          const result = await run(key, signal)
          meter.run(kind, 'done', seconds())
          return result === undefined ? {} : result
        } catch (error) {
          meter.run(kind, 'failed', seconds())
          throw error
        }
      }
      scheduler.register(kind, measured, options)
    },
  }
}

/** Times the storing of packets. */
export function measureStore<Packet>(
  store: (packets: Packet[]) => Promise<void>,
  meter: Meter | undefined,
): (packets: Packet[]) => Promise<void> {
  if (meter === undefined) return store
  return async (packets) => {
    const seconds = stopwatch()
    await store(packets)
    meter.stored(packets.length, seconds())
  }
}

/** Counts batches and events by what Meta made of them, with the time of the request. */
export function measureGraph(graph: GraphClient, meter: Meter | undefined): GraphClient {
  if (meter === undefined) return graph
  return {
    ...graph,
    async sendEvents(metaDatasetId, token, events, options) {
      const seconds = stopwatch()
      const result = await graph.sendEvents(metaDatasetId, token, events, options)
      meter.delivery(result.kind === 'refused' ? result.error.class : result.kind, events.length, seconds())
      return result
    },
  }
}

/** Counts exchanges with a CRM by the class of the answer, with their time. */
export function measureHttp(http: HttpPort, crm: string, meter: Meter | undefined): HttpPort {
  if (meter === undefined) return http
  return async (request) => {
    const seconds = stopwatch()
    let status: number | undefined
    try {
      const reply = await http(request)
      status = reply.status
      return reply
    } finally {
      meter.crmRequest(crm, status, seconds())
    }
  }
}

type Connectors = Readonly<Record<string, Connector>>

/** Counts what CRMs tell and are asked, and the renewals of tokens. */
export function measureConnectors(connectors: Connectors, meter: Meter | undefined): Connectors {
  if (meter === undefined) return connectors
  return Object.fromEntries(Object.entries(connectors).map(([id, connector]) => [id, measureConnector(connector, meter)]))
}

function measureConnector(connector: Connector, meter: Meter): Connector {
  const { push, stream, poll, history, lookup, install } = connector
  const crm = connector.manifest.id
  return {
    ...connector,
    ...(push && { push: push.routing === 'app' ? measureAppPush(push, crm, meter) : measureConnectionPush(push, crm, meter) }),
    ...(stream && { stream: { open: (app) => measureHub(stream.open(app), crm, meter) } }),
    ...(poll && {
      async poll(context, position, now) {
        const page = await poll(context, position, now)
        meter.changes(crm, 'poll', page.changes.length)
        return page
      },
    }),
    ...(history && {
      async history(context, period, position) {
        const page = await history(context, period, position)
        meter.changes(crm, 'history', page.changes.length)
        return page
      },
    }),
    ...(lookup && { lookup: measureLookup(lookup, crm, meter) }),
    ...(install && { install: { ...install, refresh: measureRefresh(install.refresh, crm, meter) } }),
  }
}

function measureAppPush(push: AppPush, crm: string, meter: Meter): AppPush {
  return {
    ...push,
    parse(request, app) {
      const parsed = push.parse(request, app)
      meter.changes(crm, 'push', parsed.changes.length)
      return parsed
    },
  }
}

function measureConnectionPush(push: ConnectionPush, crm: string, meter: Meter): ConnectionPush {
  return {
    ...push,
    parse(request, settings) {
      const parsed = push.parse(request, settings)
      meter.changes(crm, 'push', parsed.changes.length)
      return parsed
    },
  }
}

function measureHub(hub: StreamHub, crm: string, meter: Meter): StreamHub {
  return {
    close: () => hub.close(),
    follow(context, position, sink, signal) {
      const counted: typeof sink = {
        standing: sink.standing,
        keep(batch) {
          meter.changes(crm, 'stream', batch.changes.length)
          return sink.keep(batch)
        },
      }
      return hub.follow(context, position, counted, signal)
    },
  }
}

function measureLookup(lookup: NonNullable<Connector['lookup']>, crm: string, meter: Meter): NonNullable<Connector['lookup']> {
  return async (context, wanted) => {
    const seconds = stopwatch()
    try {
      const snapshots = await lookup(context, wanted)
      const found = snapshots.filter((snapshot) => snapshot.found).length
      meter.lookup(crm, { found, gone: snapshots.length - found }, seconds())
      return snapshots
    } catch (error) {
      const refused = error instanceof CodedError && error.retry === 'never' && error.scope !== 'connection'
      // Where one of several is to blame they are asked for again in halves.
      meter.lookup(crm, refused ? { refused: wanted.length === 1 ? 1 : 0 } : { failed: wanted.length }, seconds())
      throw error
    }
  }
}

function measureRefresh(refresh: Install['refresh'], crm: string, meter: Meter): Install['refresh'] {
  return async (...given) => {
    try {
      const grant = await refresh(...given)
      meter.renewal(crm, 'renewed')
      return grant
    } catch (error) {
      meter.renewal(crm, error instanceof CodedError && error.code === 'grant_revoked' ? 'refused' : 'failed')
      throw error
    }
  }
}

/** @returns a function that tells the seconds since now */
function stopwatch(): () => number {
  const started = performance.now()
  return () => (performance.now() - started) / 1000
}
