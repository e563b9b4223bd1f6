import t from 'tap'
import type { CrmRequest } from '../../../connectors/connector.ts'
import { allocation, classify } from '../../../connectors/salesforce/errors.ts'

const request: CrmRequest = { method: 'GET', url: "/services/data/v66.0/query?q=SELECT Id FROM Lead WHERE Email = 'ana@example.com'" }
const reply = (status: number, body: unknown, headers: Record<string, string> = {}) => ({
  status,
  headers,
  text: typeof body === 'string' ? body : JSON.stringify(body),
})
const error = (errorCode: string, message = 'ana@example.com') => [{ errorCode, message, fields: [] }]
const busy = { code: 'crm_unavailable', scope: 'connection' }

const cases: [number, unknown, object][] = [
  [401, error('INVALID_SESSION_ID'), { code: 'expired_token', retry: 'later', scope: 'connection' }],
  [401, '', { code: 'expired_token', retry: 'later' }],
  [403, error('INVALID_SESSION_ID'), { code: 'expired_token' }],
  [
    403,
    error('REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.'),
    { code: 'allocation_used_up', retry: { afterMs: 900_000 }, scope: 'connection' },
  ],
  [403, error('REQUEST_LIMIT_EXCEEDED', 'ConcurrentPerOrgLongTxn Limit exceeded.'), { ...busy, retry: { afterMs: 10_000 } }],
  [403, error('API_DISABLED_FOR_ORG'), { code: 'api_disabled', retry: 'never', scope: 'connection' }],
  [403, error('API_CURRENTLY_DISABLED'), { code: 'api_disabled', retry: 'never' }],
  [403, error('INSUFFICIENT_ACCESS'), { code: 'forbidden', retry: 'never', scope: 'connection' }],
  [400, error('INSUFFICIENT_ACCESS_OR_READONLY'), { code: 'forbidden', retry: 'never' }],
  [403, '<html>', { code: 'forbidden', retry: 'never' }],
  [400, error('INVALID_FIELD'), { code: 'unknown_field', retry: 'never', scope: 'connection' }],
  [400, error('INVALID_TYPE'), { code: 'unknown_object', retry: 'never', scope: 'connection' }],
  [400, error('MALFORMED_QUERY'), { code: 'refused_by_crm', retry: 'never', scope: 'batch' }],
  [400, error('MALFORMED_ID'), { code: 'refused_by_crm', retry: 'never', scope: 'batch' }],
  [414, 'URI Too Long', { code: 'refused_by_crm', retry: 'never', scope: 'batch' }],
  [400, error('UNABLE_TO_LOCK_ROW'), { code: 'conflict', retry: 'later', scope: 'event' }],
  [400, error('INVALID_QUERY_LOCATOR'), { code: 'query_slow', retry: 'later', scope: 'batch' }],
  [400, error('QUERY_TIMEOUT'), { code: 'query_slow', retry: 'later', scope: 'batch' }],
  [404, error('NOT_FOUND'), { code: 'not_found', retry: 'never', scope: 'event' }],
  [404, error('ENTITY_IS_DELETED'), { code: 'not_found', retry: 'never', scope: 'event' }],
  [404, '', { code: 'not_found', retry: 'never' }],
  [302, '', { ...busy, retry: 'later' }],
  [420, '', { ...busy, retry: 'later' }],
  [502, '<html>', { ...busy, retry: 'later' }],
  [400, error('toString'), { code: 'refused_by_crm' }],
]
for (const [status, body, expected] of cases)
  t.test(`${status} ${typeof body === 'string' ? body : JSON.stringify(body)}`, async (t) => {
    const classified = classify(reply(status, body), request)
    t.match(classified, expected)
    t.notMatch(`${classified.message} ${classified.userText}`, 'ana@example.com', 'nobody’s data is repeated')
  })

t.test('a field that is hidden is named', async (t) => {
  const told = (message: string) => classify(reply(400, error('INVALID_FIELD', message)), request).userText
  t.match(
    told("\nSELECT Id, X__c FROM Lead\n           ^\nERROR at Row:1:Column:12\nNo such column 'X__c' on entity 'Lead'."),
    /field X__c of Lead,/,
  )
  t.match(told("No such column 'X__c' on sobject of type Lead"), /field X__c of Lead,/)
  t.match(told("field 'ana@example.com' can not be filtered"), /^Salesforce does not show a field that is needed\. It was deleted/)
})

t.test('a delay that Salesforce names is kept, up to a day', async (t) => {
  t.match(classify(reply(503, '', { 'retry-after': '120' }), request), { ...busy, retry: { afterMs: 120_000 } })
  t.match(classify(reply(503, '', { 'retry-after': '99999999' }), request), { ...busy, retry: { afterMs: 86_400_000 } })
  t.match(classify(reply(503, '', { 'retry-after': 'soon' }), request), { ...busy, retry: 'later' })
})

t.test('a record that may not be written is a matter of that record', async (t) => {
  const writing: CrmRequest = { method: 'PATCH', url: '/services/data/v66.0/sobjects/Lead/00Q' }
  for (const word of ['INSUFFICIENT_ACCESS_OR_READONLY', 'CANNOT_UPDATE_CONVERTED_LEAD'])
    t.match(classify(reply(400, error(word)), writing), { code: 'read_only', retry: 'never', scope: 'event' }, word)
})

t.test('every answer tells how much of the daily allocation is used', async (t) => {
  const told = (text?: string) => allocation(reply(200, '{}', text === undefined ? {} : { 'sforce-limit-info': text }))
  t.same(told('api-usage=10018/100000'), { used: 10_018, limit: 100_000 })
  t.same(told('api-usage=10/100; per-app-api-usage=17/250(appName=x)'), { used: 10, limit: 100 })
  t.same(told('per-app-api-usage=17/250(appName=x), api-usage=3/9'), { used: 3, limit: 9 })
  for (const nothing of [undefined, '', 'per-app-api-usage=17/250', 'api-usage=x/1', 'api-usage=1/0'])
    t.equal(told(nothing), undefined, String(nothing))
})
