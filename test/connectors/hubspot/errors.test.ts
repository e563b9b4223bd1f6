import t from 'tap'
import { classify } from '../../../connectors/hubspot/errors.ts'

const request = { method: 'POST' as const, url: '/crm/objects/2026-09/contacts/batch/read' }
const reply = (status: number, body: unknown, headers: Record<string, string> = {}) => ({
  status,
  headers,
  text: typeof body === 'string' ? body : JSON.stringify(body),
})
const limit = (policyName?: string, message = 'You have reached your limit.') => ({
  status: 'error',
  message,
  errorType: 'RATE_LIMIT',
  policyName,
})

const cases: [string, ReturnType<typeof reply>, { code: string; retry: unknown; scope: string }][] = [
  ['an invalid request', reply(400, { category: 'VALIDATION_ERROR' }), { code: 'refused_by_crm', retry: 'never', scope: 'batch' }],
  [
    'a property that does not exist',
    reply(400, { category: 'VALIDATION_ERROR', errors: [{ message: '', code: 'PROPERTY_DOESNT_EXIST' }] }),
    { code: 'unknown_field', retry: 'never', scope: 'batch' },
  ],
  [
    'a property that does not exist, said in the message',
    reply(400, { category: 'VALIDATION_ERROR', message: 'Property values were not valid: [{"error":"PROPERTY_DOESNT_EXIST"}]' }),
    { code: 'unknown_field', retry: 'never', scope: 'batch' },
  ],
  ['an expired token', reply(401, { category: 'EXPIRED_AUTHENTICATION' }), { code: 'expired_token', retry: 'later', scope: 'connection' }],
  ['a missing scope', reply(403, { category: 'MISSING_SCOPES' }), { code: 'missing_scope', retry: 'never', scope: 'connection' }],
  ['another refusal', reply(403, { category: 'BANNED' }), { code: 'forbidden', retry: 'never', scope: 'connection' }],
  ['a record that is gone', reply(404, { category: 'OBJECT_NOT_FOUND' }), { code: 'not_found', retry: 'never', scope: 'event' }],
  ['a conflict', reply(409, {}), { code: 'conflict', retry: 'later', scope: 'event' }],
  ['a lock', reply(423, ''), { code: 'locked', retry: { afterMs: 2_000 }, scope: 'batch' }],
  [
    'the ten-second limit',
    reply(429, limit('TEN_SECONDLY_ROLLING')),
    { code: 'rate_limited', retry: { afterMs: 10_000 }, scope: 'connection' },
  ],
  ['the limit of a second', reply(429, limit('SECONDLY')), { code: 'rate_limited', retry: { afterMs: 1_000 }, scope: 'connection' }],
  [
    'the limit of searches, said in the message',
    reply(429, limit(undefined, 'You have reached your secondly limit.')),
    { code: 'rate_limited', retry: { afterMs: 1_000 }, scope: 'connection' },
  ],
  ['the limit of a day', reply(429, limit('DAILY')), { code: 'rate_limited', retry: { afterMs: 3_600_000 }, scope: 'connection' }],
  ['a limit without a name', reply(429, '<html>'), { code: 'rate_limited', retry: { afterMs: 10_000 }, scope: 'connection' }],
  ['a move', reply(477, '', { 'retry-after': '120' }), { code: 'account_moving', retry: { afterMs: 120_000 }, scope: 'connection' }],
  ['a move without an end', reply(477, ''), { code: 'account_moving', retry: { afterMs: 3_600_000 }, scope: 'connection' }],
  [
    'a move with nonsense',
    reply(477, '', { 'retry-after': 'soon' }),
    { code: 'account_moving', retry: { afterMs: 3_600_000 }, scope: 'connection' },
  ],
  [
    'a very long move',
    reply(477, '', { 'retry-after': '9999999' }),
    { code: 'account_moving', retry: { afterMs: 86_400_000 }, scope: 'connection' },
  ],
  ...[500, 502, 503, 504, 521, 524].map((status): (typeof cases)[number] => [
    `status ${status} with HTML`,
    reply(status, '<html>oops</html>'),
    { code: 'crm_unavailable', retry: 'later', scope: 'batch' },
  ]),
  ['a status nobody has seen', reply(418, '[]'), { code: 'refused_by_crm', retry: 'never', scope: 'batch' }],
]
for (const [what, given, expected] of cases)
  t.test(`${what} becomes ${expected.code}`, async (t) => {
    const { code, retry, scope, userText } = classify(given, request)
    t.same({ code, retry, scope }, expected)
    t.ok(userText.length > 10)
  })

t.test('missing scopes are named', async (t) => {
  const body = {
    category: 'MISSING_SCOPES',
    errors: [{ message: '', context: { requiredGranularScopes: ['crm.objects.leads.read', 'a b<c>'] } }],
  }
  const error = classify(reply(403, body), request)
  t.match(error.userText, /crm\.objects\.leads\.read/)
  t.notMatch(error.userText, /a b/)
})

t.test('the message helps to ask HubSpot and quotes nothing a customer typed', async (t) => {
  const body = { category: 'VALIDATION_ERROR', correlationId: 'c-1', message: 'email ana@example.com is not valid' }
  const { message } = classify(reply(400, body), request)
  t.match(message, /POST \/crm\/objects\/2026-09\/contacts\/batch\/read answered 400, category VALIDATION_ERROR, correlation id c-1/)
  t.notMatch(message, /ana@/)
})

t.test('bodies of any shape are survived', async (t) => {
  for (const body of ['', 'null', '7', '"text"', '[]', '{"errors":7,"message":{},"category":[]}', '{"errors":[7,{"context":{"a":1}}]}'])
    t.equal(classify(reply(403, body), request).code, 'forbidden', body)
})
