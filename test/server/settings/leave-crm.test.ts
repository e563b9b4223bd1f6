import t from 'tap'
import { createConnections } from '../../../server/connections/connections.ts'
import { createHttp } from '../../../server/connections/http.ts'
import { createLog } from '../../../server/log.ts'
import { leaveCrm } from '../../../server/settings/leave-crm.ts'
import { type TestApp, testApp } from '../../support/app.ts'

function toolsOf(t: { teardown(close: () => unknown): void }, it: TestApp) {
  const { http, close } = createHttp()
  t.teardown(close)
  const apps = it.config.crm
  const log = createLog({ level: 'silent' })
  return {
    vault: it.vault,
    apps,
    http,
    connections: createConnections({ db: it.db, vault: it.vault, apps, http, log, client: { backOffMs: 1 } }),
  }
}

t.test('leaving removes the app from the account, and once more does no harm', async (t) => {
  const it = await testApp(t, { launch: false })
  const caller = { db: it.db, actor: 'test' }
  t.same(await leaveCrm(caller, it.connectionId, toolsOf(t, it)), { outcome: 'left' })
  t.match(it.hubspot.requests().at(-1), { method: 'DELETE', path: '/appinstalls/2026-09/external-install', status: 204 })
  t.same(await leaveCrm(caller, it.connectionId, toolsOf(t, it)), { outcome: 'no_need' })
})

t.test('a CRM that cannot be told keeps nobody from leaving, and says what to do there', async (t) => {
  const it = await testApp(t, { launch: false })
  it.hubspot.fail({ status: 500, path: 'external-install', times: 0 })
  const left = await leaveCrm({ db: it.db, actor: 'test' }, it.connectionId, toolsOf(t, it))
  t.match(left, { outcome: 'failed', text: /Remove the app in the CRM by hand/ })
})
