import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import t from 'tap'
import { remedyFor } from '../../../../connectors/salesforce/stream/failure.ts'

function failure(code: status, errorCode?: string): ServiceError {
  const metadata = new Metadata()
  if (errorCode !== undefined) metadata.set('error-code', `sfdc.platform.eventbus.grpc.${errorCode}`)
  return Object.assign(new Error('said by the server: secret'), { code, details: 'said by the server: secret', metadata })
}

const table = [
  { error: failure(status.UNAVAILABLE, 'service.unavailable'), kind: 'again', code: 'stream_unavailable' },
  { error: failure(status.INTERNAL, 'service.unavailable'), kind: 'again', code: 'stream_unavailable' },
  { error: failure(status.UNAVAILABLE), kind: 'again', code: 'stream_unavailable' },
  { error: failure(status.CANCELLED), kind: 'again', code: 'stream_unavailable' },
  { error: failure(status.UNKNOWN, 'something.new'), kind: 'again', code: 'stream_unavailable' },
  { error: failure(status.INVALID_ARGUMENT, 'subscription.fetch.requested.events.invalid'), kind: 'again', code: 'stream_unavailable' },
  { error: failure(status.RESOURCE_EXHAUSTED, 'concurrent.client.limit.exceeded'), kind: 'again', code: 'stream_too_many_clients' },
  { error: failure(status.UNAUTHENTICATED, 'service.auth.error'), kind: 'token', code: 'stream_unauthorised' },
  { error: failure(status.PERMISSION_DENIED, 'service.auth.error'), kind: 'token', code: 'stream_unauthorised' },
  { error: failure(status.UNAUTHENTICATED, 'service.auth.refresh.invalid'), kind: 'token', code: 'stream_unauthorised' },
  { error: failure(status.UNAUTHENTICATED), kind: 'token', code: 'stream_unauthorised' },
  { error: failure(status.INVALID_ARGUMENT, 'subscription.fetch.replayid.corrupted'), kind: 'rewind', code: 'stream_position_lost' },
  {
    error: failure(status.INVALID_ARGUMENT, 'subscription.fetch.replayid.validation.failed'),
    kind: 'rewind',
    code: 'stream_position_lost',
  },
  { error: failure(status.RESOURCE_EXHAUSTED, 'subscription.limit.exceeded'), kind: 'stop', code: 'stream_allocation_used_up' },
  { error: failure(status.NOT_FOUND), kind: 'stop', code: 'stream_missing' },
  { error: failure(status.PERMISSION_DENIED), kind: 'stop', code: 'stream_not_allowed' },
  { error: failure(status.FAILED_PRECONDITION), kind: 'stop', code: 'stream_off' },
]
for (const { error, kind, code } of table)
  t.test(`status ${status[error.code]} with ${error.metadata.get('error-code')[0] ?? 'no code'} is ${kind}`, async (t) => {
    const remedy = remedyFor(error)
    t.match(remedy, { kind, error: { code, scope: 'connection' } })
    t.notMatch(remedy.error.message, /secret/, 'what the server said may hold anything')
    t.not(remedy.error.retry, 'never', 'an admin can put everything right, and then it goes on')
  })

t.test('a token is renewed where it was refused, and only read again where an old one was given', async (t) => {
  t.match(remedyFor(failure(status.UNAUTHENTICATED, 'service.auth.error')), { renew: true })
  t.match(remedyFor(failure(status.UNAUTHENTICATED, 'service.auth.refresh.invalid')), { renew: false })
})

t.test('a limit is not run into again at once', async (t) => {
  t.match(remedyFor(failure(status.RESOURCE_EXHAUSTED, 'concurrent.client.limit.exceeded')), { afterMs: 300_000 })
  t.match(remedyFor(failure(status.RESOURCE_EXHAUSTED, 'subscription.limit.exceeded')).error.retry, { afterMs: 3_600_000 })
})
