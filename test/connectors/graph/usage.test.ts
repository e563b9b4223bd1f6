import t from 'tap'
import { readUsage, throttleWait } from '../../../connectors/graph/usage.ts'

const nothing = { percent: 0, regainMs: 0, resetMs: 0 }

t.test('the highest percentage of all headers counts', async (t) => {
  const usage = readUsage({
    'x-app-usage': '{"call_count":28,"total_time":25,"total_cputime":31}',
    'x-ad-account-usage': '{"acc_id_util_pct":9.67,"reset_time_duration":120,"ads_api_access_tier":"standard_access"}',
    'x-business-use-case-usage': JSON.stringify({
      '1': [{ type: 'ads_management', call_count: 95, total_cputime: 20, total_time: 20, estimated_time_to_regain_access: 0 }],
      '2': [
        { type: 'leadgen', call_count: 3, total_cputime: 1, total_time: 1, estimated_time_to_regain_access: 19 },
        { type: 'pages', call_count: 3, total_cputime: 97, total_time: 1, estimated_time_to_regain_access: 2 },
      ],
    }),
  })
  t.same(usage, { percent: 97, regainMs: 19 * 60_000, resetMs: 120_000 })
})

t.test('the second spelling of the business header is read too', async (t) => {
  const header = JSON.stringify({ '1': [{ type: 'leadgen', call_count: 100, estimated_time_to_regain_access: 5 }] })
  t.same(readUsage({ 'x-business-use-case': header }), { percent: 100, regainMs: 300_000, resetMs: 0 })
})

t.test('broken headers are passed over, whole ones beside them are read', async (t) => {
  for (const broken of ['', '{', '[]', 'null', '7', '"text"', '{"1":7}', '{"1":[7,null]}', '{"call_count":"80"}', '{"call_count":-5}'])
    t.same(readUsage({ 'x-app-usage': broken, 'x-business-use-case-usage': broken, 'x-ad-account-usage': broken }), nothing, broken)
  t.same(readUsage({}), nothing)
  t.same(readUsage({ 'x-app-usage': '{', 'x-ad-account-usage': '{"acc_id_util_pct":40}' }), { ...nothing, percent: 40 })
  t.same(readUsage({ 'x-app-usage': ['{"call_count":1}', '{"call_count":2}'] }), { ...nothing, percent: 2 }, 'a repeated header')
})

t.test('a header that claims a wait of years is not believed', async (t) => {
  const usage = readUsage({ 'x-business-use-case-usage': '{"1":[{"estimated_time_to_regain_access":99999999}]}' })
  t.equal(usage.regainMs, 24 * 3_600_000)
})

t.test('the wait is the longest of header, window and exponential step', async (t) => {
  t.equal(throttleWait(nothing, 1), 60_000)
  t.equal(throttleWait(nothing, 0), 60_000)
  t.equal(throttleWait(nothing, 3), 240_000)
  t.equal(throttleWait(nothing, 50), 3_600_000)
  t.equal(throttleWait({ percent: 100, regainMs: 300_000, resetMs: 0 }, 1), 300_000)
  t.equal(throttleWait({ percent: 100, regainMs: 0, resetMs: 90_000 }, 1), 90_000)
  t.equal(throttleWait({ percent: 100, regainMs: 61_000, resetMs: 90_000 }, 2), 120_000)
})
