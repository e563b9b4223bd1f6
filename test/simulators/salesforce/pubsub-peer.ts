/** A plain client of the simulated event bus for its own tests: the published protocol and an Avro library, nothing of ours. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import {
  type ChannelCredentials,
  type ClientDuplexStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import avro from 'avsc'
import type { Test } from 'tap'

export interface Received {
  replayId: string
  schemaId: string
  header: Record<string, unknown> & { recordIds: string[]; changedFields: string[]; commitNumber: bigint }
  body: Record<string, unknown>
}
export interface Response {
  events: { event: { id: string; schemaId: string; payload: Buffer }; replayId: Buffer }[]
  latestReplayId: Buffer
  pendingNumRequested: number
}
/** Names in what was thrown by a call: status and `error-code`, without its prefix. */
export interface Ended {
  code: number
  errorCode: string | undefined
}

const published = join(createRequire(import.meta.url).resolve('salesforce-pubsub-api-client'), '../../pubsub_api.proto')
const { eventbus } = loadPackageDefinition(loadSync(published, { enums: String, defaults: true })) as unknown as {
  // The library makes clients from the definition at run time, so that no type knows their methods.
  eventbus: { v1: { PubSub: new (address: string, creds: ChannelCredentials, options: object) => PubSubClient } }
}
interface PubSubClient {
  Subscribe(metadata: Metadata): ClientDuplexStream<object, Response>
  GetSchema(request: object, metadata: Metadata, done: (error: ServiceError | null, reply: { schemaJson: string }) => void): void
  GetTopic(request: object, metadata: Metadata, done: (error: ServiceError | null, reply: Record<string, unknown>) => void): void
  close(): void
}

const long = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(value)
    return bytes
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
})

export interface Peer {
  subscribe(request: object, metadata?: Record<string, string>): PeerStream
  schema(id: string): Promise<string>
  topic(name: string, metadata?: Record<string, string>): Promise<Record<string, unknown>>
  decode(response: Response): Promise<Received[]>
}
export interface PeerStream {
  call: ClientDuplexStream<object, Response>
  /** Resolves with all responses so far once there are so many events. */
  events(count: number): Promise<Response[]>
  /** Resolves with the next response from now on. */
  next(): Promise<Response>
  ended: Promise<Ended>
}

export const endedBy = (error: ServiceError): Ended => ({
  code: error.code,
  errorCode: error.metadata.get('error-code')[0]?.toString().replace('sfdc.platform.eventbus.grpc.', ''),
})

/** A client of the bus at this port with these call credentials, closed with the test. */
export function connectPeer(t: Test, port: number, usual: { accesstoken: string; instanceurl: string; tenantid: string }): Peer {
  const client = new eventbus.v1.PubSub(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
  t.teardown(() => client.close())
  const types = new Map<string, avro.Type>()
  const withMetadata = (given?: Record<string, string>) => {
    const metadata = new Metadata()
    for (const [name, value] of Object.entries({ ...usual, ...given })) metadata.set(name, value)
    return metadata
  }
  const ask = <Reply>(method: 'GetSchema' | 'GetTopic', request: object, metadata?: Record<string, string>) =>
    new Promise<Reply>((resolve, reject) =>
      client[method](request, withMetadata(metadata), (error, reply) =>
        error === null ? resolve(reply as Reply) : reject(endedBy(error)),
      ),
    )
  const peer: Peer = {
    subscribe(request, metadata) {
      const call = client.Subscribe(withMetadata(metadata))
      const responses: Response[] = []
      let told = () => {}
      call.on('data', (response: Response) => {
        responses.push(response)
        told()
      })
      const ended = new Promise<Ended>((resolve) => {
        call.on('error', (error: ServiceError) => resolve(endedBy(error)))
        call.on('end', () => resolve({ code: 0, errorCode: undefined }))
      })
      const until = (enough: () => boolean) =>
        new Promise<void>((resolve) => {
          told = () => enough() && resolve()
          told()
        })
      call.write(request)
      return {
        call,
        ended,
        async events(count) {
          await until(() => responses.reduce((sum, { events }) => sum + events.length, 0) >= count)
          return responses
        },
        async next() {
          const before = responses.length
          await until(() => responses.length > before)
          return responses.at(-1) as Response
        },
      }
    },
    schema: async (schemaId) => (await ask<{ schemaJson: string }>('GetSchema', { schemaId })).schemaJson,
    topic: (topicName, metadata) => ask('GetTopic', { topicName }, metadata),
    async decode({ events }) {
      const decoded: Received[] = []
      for (const { event, replayId } of events) {
        let type = types.get(event.schemaId)
        if (type === undefined) {
          const schema = JSON.parse(await peer.schema(event.schemaId))
          type = avro.Type.forSchema(schema, { registry: { long }, wrapUnions: false })
          types.set(event.schemaId, type)
        }
        const { ChangeEventHeader, ...body } = type.fromBuffer(event.payload)
        decoded.push({ replayId: replayId.toString('hex'), schemaId: event.schemaId, header: ChangeEventHeader, body })
      }
      return decoded
    },
  }
  return peer
}
