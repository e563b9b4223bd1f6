import { randomUUID } from 'node:crypto'
import { Metadata, type ServiceError, status } from '@grpc/grpc-js'

/** What a call can be refused with, and a stream ended; the codes are those of the vendor's table. */
const refusals = {
  'service.unavailable': [status.UNAVAILABLE, 'The service is not available at the moment.'],
  'service.internal': [status.INTERNAL, 'An internal error occurred.'],
  'service.auth.error': [status.UNAUTHENTICATED, 'Authentication exception occurred. The session may be expired or invalid.'],
  'service.auth.refresh.invalid': [status.UNAUTHENTICATED, 'The refreshed authentication is not valid.'],
  'concurrent.client.limit.exceeded': [status.RESOURCE_EXHAUSTED, 'There are too many concurrent clients.'],
  'subscription.fetch.replayid.corrupted': [status.INVALID_ARGUMENT, 'The replay ID is corrupted.'],
  'subscription.fetch.replayid.validation.failed': [status.INVALID_ARGUMENT, 'The replay ID validation failed.'],
  'subscription.fetch.requested.events.invalid': [status.INVALID_ARGUMENT, 'The number of events requested must be above zero.'],
  'subscription.limit.exceeded': [status.RESOURCE_EXHAUSTED, 'You have exceeded the event delivery limit for your org.'],
} as const
/** Ends that carry no `error-code`. */
const bare = {
  reset: [status.UNAVAILABLE, 'RST_STREAM closed stream. HTTP/2 error code: NGHTTP2_REFUSED_STREAM'],
  internal: [status.INTERNAL, 'RST_STREAM closed stream. HTTP/2 error code: NGHTTP2_INTERNAL_ERROR'],
  cancelled: [status.CANCELLED, 'Call cancelled'],
  'not-found': [status.NOT_FOUND, 'The topic information was not found. Ensure the topic name is correct and that the topic exists.'],
  'no-permission': [status.PERMISSION_DENIED, 'The user may not subscribe to this topic.'],
  'bad-request': [status.INVALID_ARGUMENT, 'The request is not valid.'],
} as const
export type Refusal = keyof typeof refusals | keyof typeof bare

const PREFIX = 'sfdc.platform.eventbus.grpc.'

/** The error of a call: gRPC status, text with the call's id, and the code in the trailers, where there is one. */
export function pubsubError(refusal: Refusal): ServiceError {
  const coded = Object.hasOwn(refusals, refusal)
  const [code, text] = coded ? refusals[refusal as keyof typeof refusals] : bare[refusal as keyof typeof bare]
  const rpcId = randomUUID()
  const metadata = new Metadata()
  metadata.set('rpc-id', rpcId)
  if (coded) metadata.set('error-code', PREFIX + refusal)
  return Object.assign(new Error(text), { code, details: `${text} rpcId: ${rpcId}`, metadata })
}
