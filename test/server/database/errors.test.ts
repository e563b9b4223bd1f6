import t from 'tap'
import { CodedError } from '../../../connectors/errors.ts'
import { databaseError, isConflict } from '../../../server/database/errors.ts'

t.test('failures that pass are told from faults that stay', async (t) => {
  const passing = [
    '08006',
    '53100',
    '53300',
    '57P01',
    '57P03',
    '57014',
    '25006',
    '55P03',
    'ECONNREFUSED',
    'ECONNRESET',
    'EPIPE',
    'ETIMEDOUT',
    'EAI_AGAIN',
    'ENOTFOUND',
  ]
  for (const code of passing)
    t.match(databaseError(Object.assign(new Error('x'), { code })), { code: 'database_unavailable', retry: 'later' }, code)
  for (const code of ['23505', '42P01', '22P02', '28P01', '40001', '40P01', '3D000']) {
    const error = Object.assign(new Error('connection terminated'), { code })
    t.equal(databaseError(error), error, code)
  }
})

t.test('the client’s own errors have no code and are known by their words', async (t) => {
  for (const text of [
    'Connection terminated unexpectedly',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client was closed and is not queryable',
  ]) {
    t.match(databaseError(new Error(text)), { code: 'database_unavailable' }, text)
  }
  const other = new TypeError('undefined is not a function')
  t.equal(databaseError(other), other)
})

t.test('coded errors and what is no error pass through', async (t) => {
  const coded = new CodedError({ code: 'lease_lost', retry: 'later', scope: 'connection', userText: '' })
  t.equal(databaseError(coded), coded)
  t.equal(databaseError('text'), 'text')
})

t.test('the message of the coded error holds nothing of its cause but the code', async (t) => {
  const error = databaseError(Object.assign(new Error('canary'), { code: '57P01' })) as CodedError
  t.equal(error.message, 'database_unavailable (57P01)')
})

t.test('only serialization failures and deadlocks are conflicts', async (t) => {
  for (const code of ['40001', '40P01']) t.ok(isConflict({ code }))
  for (const code of ['23505', '57014', undefined]) t.notOk(isConflict({ code }))
  t.notOk(isConflict(null))
})
