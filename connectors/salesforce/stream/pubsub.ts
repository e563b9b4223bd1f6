/** Calls of Salesforce's Pub/Sub API, as far as they are used here, over gRPC. */
import { fileURLToPath } from 'node:url'
import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type MethodDefinition,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { Access } from '../../connector.ts'
import { CodedError } from '../../errors.ts'

/** The first request of a stream names the topic and where to begin; all ask for more events. */
export interface FetchRequest {
  topicName?: string
  replayPreset?: number
  replayId?: Buffer
  numRequested: number
}
/** Buffers are views into the whole message. */
export interface FetchResponse {
  events: { event: { schemaId: string; payload: Buffer } | null; replayId: Buffer }[]
  latestReplayId: Buffer
  pendingNumRequested: number
}
export type Subscription = ClientDuplexStream<FetchRequest, FetchResponse>

/** One connection. Calls need the token of an org and its id; what asks for one thing rejects with the `ServiceError` of gRPC. */
export interface PubSubClient {
  client: Client
  subscribe(access: Access, account: string): Subscription
  getSchema(id: string, access: Access, account: string, timeoutMs: number): Promise<string>
  getTopic(name: string, access: Access, account: string, timeoutMs: number): Promise<{ canSubscribe: boolean }>
}

interface PubSubService {
  Subscribe: MethodDefinition<FetchRequest, FetchResponse>
  GetSchema: MethodDefinition<{ schemaId: string }, { schemaJson: string }>
  GetTopic: MethodDefinition<{ topicName: string }, { canSubscribe: boolean }>
}
const proto = loadSync(fileURLToPath(new URL('../pubsub.proto', import.meta.url)), { defaults: true })
const service = proto['eventbus.v1.PubSub'] as unknown as PubSubService

const channelOptions: ChannelOptions = {
  // Channels are counted: one must not share the connection of another, whose streams it would not know of.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 500,
  'grpc.max_reconnect_backoff_ms': 5_000,
  // A connection that went silent shows no error by itself. Servers refuse clients that ask more than a few times between
  // two messages, and an idle stream has one every 270 s.
  'grpc.keepalive_time_ms': 100_000,
  'grpc.keepalive_timeout_ms': 20_000,
  // A response has up to 3 MB, and the default window would make its sender wait for many round trips.
  'grpc-node.flow_control_window': 4 * 1024 * 1024,
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
}

/** @param address an origin; `http:` (no encryption, for tests) on this machine only. Throws `CodedError` `insecure_stream`. Dials nobody yet. */
export function createPubSubClient(address: string): PubSubClient {
  const url = new URL(address)
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  const client = new Client(`${url.hostname}:${port}`, credentialsFor(url), channelOptions)

  function ask<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    request: Request,
    metadata: Metadata,
    options: CallOptions,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = method
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, (error, reply) => {
        if (error) reject(error)
        else resolve(reply as Reply)
      })
    })
  }

  return {
    client,
    subscribe(access, account) {
      const { path, requestSerialize, responseDeserialize } = service.Subscribe
      return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadataOf(access, account))
    },
    async getSchema(schemaId, access, account, timeoutMs) {
      const reply = await ask(service.GetSchema, { schemaId }, metadataOf(access, account), { deadline: Date.now() + timeoutMs })
      return reply.schemaJson
    },
    getTopic: (topicName, access, account, timeoutMs) =>
      ask(service.GetTopic, { topicName }, metadataOf(access, account), { deadline: Date.now() + timeoutMs }),
  }
}

/** Who asks (Pub/Sub API, supported authentication). */
function metadataOf({ token, apiUrl }: Access, account: string): Metadata {
  const metadata = new Metadata()
  metadata.set('accesstoken', token)
  metadata.set('instanceurl', apiUrl)
  metadata.set('tenantid', account)
  return metadata
}

function credentialsFor({ protocol, hostname }: URL): ChannelCredentials {
  if (protocol === 'https:') return credentials.createSsl()
  if (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)) return credentials.createInsecure()
  throw new CodedError({
    code: 'insecure_stream',
    retry: 'never',
    scope: 'connection',
    userText: 'The address of the Salesforce stream has to begin with https://. Correct it in the configuration of the server.',
  })
}
