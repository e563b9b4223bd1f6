import t from 'tap'
import { CodedError } from '../../connectors/errors.ts'
import { createLog } from '../../server/log.ts'

/** What a logger wrote, as text and as objects. */
function listen(): { log: ReturnType<typeof createLog>; text: () => string; last: () => Record<string, unknown> } {
  const lines: string[] = []
  const log = createLog({ level: 'trace', to: { write: (line) => void lines.push(line) } })
  return { log, text: () => lines.join(''), last: () => JSON.parse(lines.at(-1) as string) as Record<string, unknown> }
}

t.test('a line is one JSON object with level, time and message', async (t) => {
  const { log, last } = listen()
  log.child({ connection: 7 }).info({ dataset: 3 }, 'sent %d events', 5)
  t.match(last(), { level: 'info', time: /^\d{4}-\d\d-\d\dT.*Z$/, connection: 7, dataset: 3, msg: 'sent 5 events' })
})

t.test('values under telling names never reach a line, at any depth and in any spelling', async (t) => {
  const { log, text } = listen()
  log.info({ token: 'canary', nested: [{ access_token: 'canary', deeper: { firstName: 'canary', 'Set-Cookie': ['canary'] } }] })
  log.info({ headers: { Authorization: 'canary', 'x-hubspot-signature-v3': 'canary' }, user_data: { em: ['canary'] }, phones: ['canary'] })
  log.child({ clientSecret: 'canary' }).warn({ query: { code: 'canary-0a1b-oauth' } })
  t.notMatch(text(), /canary/)
  t.equal(text().split('[redacted]').length - 1, 10)
})

t.test('what looks like a secret or an e-mail address is blanked wherever it stands', async (t) => {
  const { log, text } = listen()
  const canaries = [
    'canary.person+meta@mail.example.co.uk',
    'cañary@exämple.de',
    'Bearer canary.canary-canary',
    'postgres://leadstage:canary@127.0.0.1:5432/db',
    'https://example.com/cb?code=canary&state=1',
    'access_token=canary123',
    'EAAcanarycanarycanarycanary0123',
    'pat-eu1-canary00-1111-2222-3333-444455556666',
    'fb.1.1554763741205.canaryAbCdEf',
  ]
  for (const canary of canaries) {
    log.info(`before ${canary} after`)
    log.info({ note: canary, list: [canary] }, 'said %s', canary)
    log.error(new Error(`failed with ${canary}`))
  }
  t.notMatch(text(), /ca[nñ]ary/i)
  t.match(text(), /before .*after/)
})

t.test('an error is its code and message; causes and details stay out', async (t) => {
  const { log, text, last } = listen()
  const cause = Object.assign(new Error('cause'), { detail: 'canary', where: 'canary' })
  log.error(
    { err: new CodedError({ code: 'grant_revoked', retry: 'never', scope: 'connection', userText: 'Connect again.', cause }) },
    'failed',
  )
  t.same(last().err, { code: 'grant_revoked', message: 'grant_revoked: Connect again.' })
  log.error({ err: Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (email)=(canary) exists', cause }) })
  t.match(last().err, { code: '23505', message: 'duplicate key', at: [/log\.test\.ts/] })
  log.error({ reason: cause, failures: [{ reason: Object.assign(new Error('broken'), { detail: 'canary' }) }] })
  t.match(last().failures, [{ reason: { message: 'broken' } }])
  t.notMatch(text(), /canary/)
})

t.test('ids and counts are left alone', async (t) => {
  const { log, last } = listen()
  log.info(
    { code: 'database_unavailable', lead: '1234567890123456', record: 'contact 42', fbtrace: 'AbCdEfGhIjK', received: 100 },
    'v26.0 127.0.0.1:5432',
  )
  t.match(last(), {
    code: 'database_unavailable',
    lead: '1234567890123456',
    record: 'contact 42',
    fbtrace: 'AbCdEfGhIjK',
    received: 100,
    msg: 'v26.0 127.0.0.1:5432',
  })
})
