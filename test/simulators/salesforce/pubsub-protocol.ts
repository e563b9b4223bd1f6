/** The gRPC service as its vendor publishes it: the definition that ships with a client nobody here wrote. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { MethodDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

export interface FetchRequest {
  topicName: string
  replayPreset: 'LATEST' | 'EARLIEST' | 'CUSTOM'
  replayId: Buffer
  numRequested: number
  authRefresh: string
}
export interface ConsumerEvent {
  event: { id: string; schemaId: string; payload: Buffer }
  replayId: Buffer
}
export interface FetchResponse {
  events?: ConsumerEvent[]
  latestReplayId?: Buffer
  rpcId?: string
  pendingNumRequested?: number
}
export interface SchemaInfo {
  schemaJson: string
  schemaId: string
  rpcId: string
}
export interface TopicInfo {
  topicName: string
  tenantGuid: string
  canPublish: boolean
  canSubscribe: boolean
  schemaId: string
  rpcId: string
}

const published = join(createRequire(import.meta.url).resolve('salesforce-pubsub-api-client'), '../../pubsub_api.proto')
const definition = loadSync(published, { enums: String, defaults: true })['eventbus.v1.PubSub'] as unknown as {
  Subscribe: MethodDefinition<FetchRequest, FetchResponse>
  GetSchema: MethodDefinition<{ schemaId: string }, SchemaInfo>
  GetTopic: MethodDefinition<{ topicName: string }, TopicInfo>
}

/** Encodes a part of a `FetchResponse`. Parts one after the other are one message: that is how protocol buffers merge. */
export const encodeResponse = definition.Subscribe.responseSerialize
export const decodeResponse = definition.Subscribe.responseDeserialize

/** The service; `Subscribe` answers with responses that are encoded already. Methods without a handler are UNIMPLEMENTED. */
export const service = {
  ...definition,
  Subscribe: { ...definition.Subscribe, responseSerialize: (encoded: Buffer) => encoded },
}
