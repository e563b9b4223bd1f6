import t from 'tap'
import { classify, usage } from '../../../connectors/meta-lead-ads/errors.ts'

const answer = (code: number, subcode?: number, headers = {}) => ({
  ...{ status: 400, headers },
  text: JSON.stringify({ error: { code, error_subcode: subcode, message: 'about ana@example.com', fbtrace_id: 'Abc' } }),
})
const request = { method: 'GET' as const, url: '/1/leads' }

t.test('each error has its own answer', async (t) => {
  for (const [code, subcode, wanted] of [
    ...[4, 17, 32, 613, 80001, 80005].map((code) => [code, undefined, { code: 'rate_limited', scope: 'connection' }] as const),
    [190, 460, { code: 'expired_token', retry: 'later' }],
    [102, undefined, { code: 'expired_token' }],
    [10, undefined, { code: 'missing_permission', retry: 'never', scope: 'connection' }],
    [200, undefined, { code: 'missing_permission' }],
    [100, 33, { code: 'not_found', retry: 'never', scope: 'event' }],
    [803, undefined, { code: 'not_found' }],
    [104, undefined, { code: 'app_misconfigured', retry: 'later' }],
    [100, undefined, { code: 'refused_by_crm', retry: 'never', scope: 'batch' }],
    [1, undefined, { code: 'crm_unavailable', retry: 'later' }],
    [2, undefined, { code: 'crm_unavailable' }],
  ] as const) {
    const error = classify(answer(code, subcode), request)
    t.match(error, wanted, `${code}/${subcode}`)
    t.notMatch(`${error.message} ${error.userText}`, /ana@/)
  }
})

t.test('a limit is left alone for a minute, or as long as Meta says', async (t) => {
  t.same(classify(answer(80005), request).retry, { afterMs: 60_000 })
  const header = {
    'x-business-use-case-usage': JSON.stringify({ 1: [{ type: 'leadgen', call_count: 100, estimated_time_to_regain_access: 7 }] }),
  }
  t.same(classify(answer(80005, undefined, header), request).retry, { afterMs: 420_000 })
})

t.test('usage is the fullest limit that is told', async (t) => {
  const told = (percent: number) => ({ status: 200, text: '', headers: { 'x-app-usage': JSON.stringify({ call_count: percent }) } })
  t.equal(usage(told(95)), 0.95)
  t.equal(usage(told(0)), undefined)
  t.equal(usage({ status: 200, headers: {}, text: '' }), undefined)
})
