/**
 * The event bus of all simulated orgs: the published gRPC service `eventbus.v1.PubSub` on one port, in the clear or with TLS. It
 * checks who calls, keeps to the documented flow control, replay, retention and limits, and goes wrong when asked to.
 */
import { randomUUID } from 'node:crypto'
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import { type ChangeSchema, changeSchema } from './avro-schema.ts'
import type { Entity, OrgChange } from './change-log.ts'
import { pubsubError, type Refusal } from './pubsub-error.ts'
import type { Channel, PubSubOrg, StreamUser } from './pubsub-org.ts'
import { type FetchRequest, type SchemaInfo, service, type TopicInfo } from './pubsub-protocol.ts'
import { type Call, type StreamRules, Subscription } from './subscription.ts'

/** Documented: so many streams on one HTTP/2 connection. */
const MAX_STREAMS = 1_000

export interface PubSubOptions {
  /** 0 picks a free one. */
  port?: number | undefined
  /** The org with this 18-character id. */
  org: (id: string) => PubSubOrg | undefined
  tls?: { key: Buffer; cert: Buffer } | undefined
  /** 270 s by default. */
  keepaliveMs?: number | undefined
  /** 60 s by default. */
  unaskedMs?: number | undefined
}
type Method = 'Subscribe' | 'GetSchema' | 'GetTopic'
export interface PubSubCounts {
  open: number
  subscribes: number
  fetches: number
  delivered: number
  responses: number
  keepalives: number
  getSchema: number
  getTopic: number
  connections: number
}
export interface PubSub {
  port: number
  url: string
  counts(): PubSubCounts
  /** The open streams: of whom, on what, and how many events each is owed. */
  streams(input?: { orgId?: string }): { orgId: string; topic: string; pending: number }[]
  /** Ends open streams, of one org or all, as the service does on a bad day. */
  end(input: { orgId?: string; how: 'ok' | Refusal }): { ended: number }
  /** All connections break; new ones are refused for `downMs`. */
  cut(input?: { downMs?: number }): Promise<void>
  /** Nothing is sent to one org or to all, while connections stay up; `false` ends it. */
  silence(input: { orgId?: string; on: boolean }): void
  /** Responses and answers come so much later. */
  slow(input: { ms: number }): void
  duplicate(input: { events: number }): void
  corrupt(input: { events: number }): void
  /** The next calls of a method are refused; `times` 0 means all until told otherwise, and is ended with `times: -1`. */
  refuse(input: { method: Method; how: Refusal; times?: number }): void
  /** All replay ids given so far mean nothing any more. */
  expire(input: { orgId: string }): void
  /** Changes that nobody made, as they are logged: gaps, overflows, wildcards and the like. What is left out is made up. */
  log(input: Partial<OrgChange> & { orgId: string; entity: Entity }): { replayId: string }
  close(): Promise<void>
}

export async function startPubSub(options: PubSubOptions): Promise<PubSub> {
  const counts = { subscribes: 0, fetches: 0, delivered: 0, responses: 0, keepalives: 0, getSchema: 0, getTopic: 0 }
  const schemas = new Map<string, ChangeSchema>()
  const rules: StreamRules = {
    keepaliveMs: options.keepaliveMs ?? 270_000,
    unaskedMs: options.unaskedMs ?? 60_000,
    silent: new Set(),
    slowMs: 0,
    duplicate: 0,
    corrupt: 0,
    onSchema: (schema) => void schemas.set(schema.id, schema),
    counts,
  }
  const refused = new Map<Method, { how: Refusal; left: number }>()
  const subscriptions = new Set<Subscription>()
  const watched = new Map<PubSubOrg, { streams: Set<Subscription>; stop(): void }>()

  const refusal = (method: Method): Refusal | undefined => {
    const entry = refused.get(method)
    if (entry === undefined) return undefined
    entry.left -= 1
    if (entry.left <= 0) refused.delete(method)
    return entry.how
  }

  /** Streams of an org are woken together, once for all changes of one turn. */
  const watch = (stream: Subscription) => {
    let entry = watched.get(stream.org)
    if (entry === undefined) {
      const streams = new Set<Subscription>()
      let due = false
      const stop = stream.org.changeLog.watch(() => {
        if (due) return
        due = true
        setImmediate(() => {
          due = false
          for (const one of streams) one.pump()
        })
      })
      entry = { streams, stop }
      watched.set(stream.org, entry)
    }
    entry.streams.add(stream)
    subscriptions.add(stream)
  }
  const unwatch = (stream: Subscription) => {
    subscriptions.delete(stream)
    const entry = watched.get(stream.org)
    entry?.streams.delete(stream)
    if (entry === undefined || entry.streams.size > 0) return
    entry.stop()
    watched.delete(stream.org)
  }

  function subscribe(call: Call): void {
    counts.subscribes += 1
    let stream: Subscription | undefined
    let refused = false
    const refuse = (how: Refusal) => {
      refused = true
      call.emit('error', pubsubError(how))
    }
    const early = refusal('Subscribe')
    const caller = authorise(call.metadata, options.org)
    call.on('error', over)
    if (early !== undefined || caller === undefined) return void refuse(early ?? 'service.auth.error')
    call.on('data', (request: FetchRequest) => {
      if (refused) return
      counts.fetches += 1
      if (stream === undefined) {
        const opened = open(call, caller, request, rules)
        if (typeof opened === 'string') return void refuse(opened)
        stream = opened
        watch(stream)
      } else if (request.topicName !== '' && request.topicName !== stream.topic) return stream.end('bad-request')
      if (request.authRefresh !== '' && caller.org.authorise(request.authRefresh) === undefined)
        return stream.end('service.auth.refresh.invalid')
      stream.ask(request.numRequested)
    })
    function over() {
      if (stream === undefined) return
      stream.close()
      unwatch(stream)
    }
    call.on('end', () => (stream === undefined ? call.end() : stream.end('ok')))
    for (const end of ['cancelled', 'close', 'finish']) call.on(end, over)
  }

  /** A method with one answer: refused, late, or answered for an authorised caller. */
  const unary =
    <Request, Reply>(method: Method, count: 'getSchema' | 'getTopic', answer: (caller: Caller, request: Request) => Reply | Refusal) =>
    (call: ServerUnaryCall<Request, Reply>, reply: sendUnaryData<Reply>) => {
      counts[count] += 1
      const give = () => {
        const caller = authorise(call.metadata, options.org)
        const result = refusal(method) ?? (caller === undefined ? 'service.auth.error' : answer(caller, call.request))
        if (typeof result === 'string') reply(pubsubError(result as Refusal))
        else reply(null, result as Reply)
      }
      if (rules.slowMs === 0) give()
      else setTimeout(give, rules.slowMs)
    }

  const server = new Server({ 'grpc.max_concurrent_streams': MAX_STREAMS, 'grpc.max_send_message_length': -1 })
  server.addService(service, {
    Subscribe: subscribe,
    GetSchema: unary('GetSchema', 'getSchema', (_caller, { schemaId }: { schemaId: string }): SchemaInfo | Refusal => {
      const schema = schemas.get(schemaId)
      return schema === undefined ? 'not-found' : { schemaJson: schema.json(), schemaId, rpcId: randomUUID() }
    }),
    GetTopic: unary('GetTopic', 'getTopic', ({ org, user }, { topicName }: { topicName: string }): TopicInfo | Refusal => {
      const channel = findChannel(org, topicName)
      if (channel === undefined) return 'not-found'
      const only = onlyEntity(topicName)
      const schema = only === undefined ? undefined : changeSchema(only, org.changeLog.fields(only))
      if (schema !== undefined) schemas.set(schema.id, schema)
      const canSubscribe = only === undefined || user.viewsAll(only)
      const tenantGuid = `CORE/prod/${org.id}`
      return { topicName, tenantGuid, canPublish: false, canSubscribe, schemaId: schema?.id ?? '', rpcId: randomUUID() }
    }),
  })

  // The sockets are ours, so that they can be cut.
  const { tls } = options
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ private_key: tls.key, cert_chain: tls.cert }])
  const injector = server.createConnectionInjector(credentials)
  const sockets = new Set<Socket>()
  let listener: NetServer
  const listen = async (port: number) => {
    listener = createServer((socket) => {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
      injector.injectConnection(socket)
    })
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject)
      listener.listen(port, '127.0.0.1', resolve)
    })
    return (listener.address() as AddressInfo).port
  }
  const hangUp = async () => {
    const closed = new Promise((resolve) => listener.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  const port = await listen(options.port ?? 0)

  const orgWith = (id: string) => {
    const org = options.org(id)
    if (org === undefined) throw new Error(`there is no org ${id}`)
    return org
  }
  const of = (orgId: string | undefined) => [...subscriptions].filter(({ org }) => orgId === undefined || org.id === orgId)
  return {
    port,
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    counts: () => ({ open: subscriptions.size, connections: sockets.size, ...counts }),
    streams: ({ orgId } = {}) => of(orgId).map(({ org, topic, pending }) => ({ orgId: org.id, topic, pending })),
    end({ orgId, how }) {
      const streams = of(orgId)
      for (const stream of streams) stream.end(how)
      return { ended: streams.length }
    },
    async cut({ downMs = 0 } = {}) {
      await hangUp()
      await sleep(downMs)
      await listen(port)
    },
    silence({ orgId = '*', on }) {
      if (on) return void rules.silent.add(orgId)
      rules.silent.delete(orgId)
      for (const stream of subscriptions) stream.pump()
    },
    slow: ({ ms }) => void Object.assign(rules, { slowMs: ms }),
    duplicate: ({ events }) => void Object.assign(rules, { duplicate: events }),
    corrupt: ({ events }) => void Object.assign(rules, { corrupt: events }),
    refuse({ method, how, times = 1 }) {
      if (times < 0) refused.delete(method)
      else refused.set(method, { how, left: times === 0 ? Number.POSITIVE_INFINITY : times })
    },
    expire: ({ orgId }) => orgWith(orgId).changeLog.expire(),
    log({ orgId, ...change }) {
      return { replayId: orgWith(orgId).changeLog.append(madeUp(change)).toString('hex') }
    },
    async close() {
      for (const stream of subscriptions) stream.close()
      await hangUp()
      injector.destroy()
      server.forceShutdown()
    },
  }
}

interface Caller {
  org: PubSubOrg
  user: StreamUser
}

/** Who calls: a token of the org that the call names, and where that org lives. */
function authorise(metadata: Metadata, find: PubSubOptions['org']): Caller | undefined {
  const read = (name: string) => String(metadata.get(name)[0] ?? '')
  if (!/^https?:\/\/[^/]+$/.test(read('instanceurl'))) return undefined
  const org = find(read('tenantid'))
  const user = org?.authorise(read('accesstoken'))
  return org === undefined || user === undefined ? undefined : { org, user }
}

const both: Channel['members'] = [
  { entity: 'Lead', enriched: [] },
  { entity: 'Opportunity', enriched: [] },
]
const onlyEntity = (topic: string): Entity | undefined => both.find(({ entity }) => topic === `/data/${entity}ChangeEvent`)?.entity

/** Names are case-sensitive. */
function findChannel(org: PubSubOrg, topic: string): Channel | undefined {
  const only = onlyEntity(topic)
  if (only !== undefined) return { name: topic, members: [{ entity: only, enriched: [] }] }
  if (topic === '/data/ChangeEvents') return { name: topic, members: both }
  return org.channels().find(({ name }) => name === topic)
}

/** The first request of a stream says what is wanted, and from where; or why it cannot be had. */
function open(call: Call, { org, user }: Caller, request: FetchRequest, rules: StreamRules): Subscription | Refusal {
  const channel = findChannel(org, request.topicName)
  if (channel === undefined) return 'not-found'
  // On a channel of one entity a user without View All is refused; on others events are withheld without a word.
  const only = onlyEntity(request.topicName)
  if (only !== undefined && !user.viewsAll(only)) return 'no-permission'
  const place = findPlace(org, request)
  if (place === 'corrupted') return 'subscription.fetch.replayid.corrupted'
  if (place === 'unknown') return 'subscription.fetch.replayid.validation.failed'
  return new Subscription({ call, org, user, channel, place, rules })
}

function findPlace({ changeLog }: PubSubOrg, { replayPreset, replayId }: FetchRequest): ReturnType<PubSubOrg['changeLog']['find']> {
  if (replayPreset === 'LATEST') return changeLog.end()
  return replayPreset === 'EARLIEST' ? changeLog.start() : changeLog.find(replayId)
}

let commits = 1_719_876_940_980_994_049n

function madeUp(change: Partial<OrgChange> & { entity: Entity }): OrgChange {
  commits += 7n
  return {
    recordIds: [],
    changeType: 'UPDATE',
    changeOrigin: '',
    transactionKey: randomUUID(),
    sequenceNumber: 1,
    commitTimestamp: Date.now(),
    commitUser: '005Ak000001TestAAA',
    changedFields: [],
    nulledFields: [],
    diffFields: [],
    values: {},
    ...change,
    commitNumber: commits,
  }
}
