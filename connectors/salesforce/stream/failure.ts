/** What to do when a call of the Pub/Sub API ends with an error (Pub/Sub API, handling errors; retrying subscriptions). */
import { type ServiceError, status } from '@grpc/grpc-js'
import { CodedError, type Retry } from '../../errors.ts'

export type Remedy =
  /** Open the stream again, after at least so long. */
  | { kind: 'again'; afterMs: number; error: CodedError }
  /** Open the stream again with another token: renewed, or (where only an old one was given again) the current one. */
  | { kind: 'token'; renew: boolean; error: CodedError }
  /** The position means nothing any more: begin with the oldest event there is. */
  | { kind: 'rewind'; error: CodedError }
  /** It is of no use before somebody did something. */
  | { kind: 'stop'; error: CodedError }

const MINUTE_MS = 60_000
const PREFIX = 'sfdc.platform.eventbus.grpc.'

/** The remedy for the error of a call. Errors that nobody has heard of are taken for passing ones. */
export function remedyFor(error: ServiceError): Remedy {
  const code = errorCode(error)
  const fail = (name: string, retry: Retry, userText: string) =>
    new CodedError({
      code: name,
      retry,
      scope: 'connection',
      userText,
      message: `${name}: gRPC status ${error.code}, ${code || 'no code'}`,
    })
  const passing = () => fail('stream_unavailable', 'later', 'The Salesforce event stream does not answer just now. It is opened again.')

  switch (code) {
    case 'service.auth.error':
      return { kind: 'token', renew: true, error: fail('stream_unauthorised', { afterMs: 15 * MINUTE_MS }, unauthorised) }
    case 'service.auth.refresh.invalid':
      return { kind: 'token', renew: false, error: fail('stream_unauthorised', { afterMs: 15 * MINUTE_MS }, unauthorised) }
    case 'subscription.fetch.replayid.corrupted':
    case 'subscription.fetch.replayid.validation.failed':
    case 'replayid.validation.failed':
      return { kind: 'rewind', error: fail('stream_position_lost', 'later', positionLost) }
    case 'subscription.limit.exceeded':
      return { kind: 'stop', error: fail('stream_allocation_used_up', { afterMs: 60 * MINUTE_MS }, allocationUsedUp) }
    case 'concurrent.client.limit.exceeded':
      return { kind: 'again', afterMs: 5 * MINUTE_MS, error: fail('stream_too_many_clients', 'later', tooManyClients) }
    default:
  }
  switch (error.code) {
    case status.UNAUTHENTICATED:
      return { kind: 'token', renew: true, error: fail('stream_unauthorised', { afterMs: 15 * MINUTE_MS }, unauthorised) }
    case status.PERMISSION_DENIED:
      return { kind: 'stop', error: fail('stream_not_allowed', { afterMs: 10 * MINUTE_MS }, notAllowed) }
    case status.NOT_FOUND:
      return { kind: 'stop', error: fail('stream_missing', { afterMs: 10 * MINUTE_MS }, channelMissing) }
    case status.FAILED_PRECONDITION:
    case status.UNIMPLEMENTED:
      return { kind: 'stop', error: fail('stream_off', { afterMs: 60 * MINUTE_MS }, streamOff) }
    default:
      return { kind: 'again', afterMs: 0, error: passing() }
  }
}

/** What to say where the reason was found by asking about the channel. */
export const cannotSubscribe = (): CodedError =>
  new CodedError({ code: 'stream_not_allowed', retry: { afterMs: 10 * MINUTE_MS }, scope: 'connection', userText: notAllowed })

/** No connection came about, for longer than breaks last. */
export const unreachable = (): CodedError =>
  new CodedError({
    code: 'stream_unreachable',
    retry: 'later',
    scope: 'connection',
    userText:
      'The Salesforce event stream cannot be reached. If other Salesforce software works, check that this server may connect to it.',
  })

/** The stream was silent for so long that it cannot be alive. */
export const wentSilent = (): CodedError =>
  new CodedError({
    code: 'stream_silent',
    retry: 'later',
    scope: 'connection',
    userText: 'The Salesforce event stream went silent. It is opened again.',
  })

/** Salesforce ended the stream without an error. */
export const ended = (): CodedError =>
  new CodedError({
    code: 'stream_ended',
    retry: 'later',
    scope: 'connection',
    userText: 'Salesforce ended the event stream. It is opened again.',
  })

export const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && 'code' in error && typeof error.code === 'number' && 'metadata' in error

/** Salesforce's own code, without what they have in common. */
function errorCode({ metadata }: ServiceError): string {
  const code = String(metadata?.get('error-code')[0] ?? '')
  return (code.startsWith(PREFIX) ? code.slice(PREFIX.length) : code).replace(/[^\w.]/g, '').slice(0, 80)
}

const unauthorised =
  'Salesforce does not accept the sign-in for its event stream, although it was renewed. Check that the connected user is active and has the permission "API Enabled", or connect the org again.'
const positionLost =
  'Salesforce does not know any more up to where changes were read. All that it still keeps is read again, and the rest is looked up in the history.'
const allocationUsedUp =
  'The event deliveries that Salesforce allows your org in 24 hours are used up, by all software together. Changes are kept for 72 hours and read when deliveries are free again; see Setup, Platform Events, or buy an add-on.'
const tooManyClients = 'Salesforce allows no more streams for your org at present. It is tried again.'
const notAllowed =
  'The connected Salesforce user may not follow changes of leads and opportunities. Give that user "View All Records" for both (or "View All Data"), or choose to ask for changes every minute instead.'
const channelMissing =
  'The org has no channel of this name for change events. Install the Leadstage package, or correct the channel in the settings.'
const streamOff =
  'Change events are not available in this org: its edition has no Change Data Capture or no API access. Choose to ask for changes every minute instead.'
