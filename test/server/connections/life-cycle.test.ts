import t from 'tap'
import { lifeCycle } from '../../../server/connections/life-cycle.ts'

t.test('states in the words of people', async (t) => {
  t.same(lifeCycle('active', null), { lifeCycle: 'active' })
  t.same(lifeCycle('setup', null), { lifeCycle: 'needs attention', because: 'no_route' })
  t.same(lifeCycle('attention', 'missing_scope'), { lifeCycle: 'needs attention', because: 'missing_scope' })
  t.same(lifeCycle('attention', 'reconnect'), { lifeCycle: 'disconnected' })
  t.same(lifeCycle('paused', 'reconnect'), { lifeCycle: 'paused' })
  t.same(lifeCycle('removed', null), { lifeCycle: 'uninstalled' })
})
