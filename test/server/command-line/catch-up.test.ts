import t from 'tap'
import { testApp, until } from '../../support/app.ts'
import { envOf, run } from './run.ts'

t.test('an operator has the history read, sees until when it is covered, and sets the interval', async (t) => {
  const it = await testApp(t)
  it.hubspot.webhooks({ lossRate: 1 })
  const since = new Date(Date.now() - 3_600_000)
  await it.db.updateTable('connection').set({ created_at: since }).execute()
  await it.db.updateTable('cursor').set({ covered_until: since, due_at: 'infinity' }).execute()
  const at = since.getTime() + 60_000
  it.hubspot.create({ type: 'contact', at, properties: { lifecyclestage: 'customer', meta_lead_id: '123456789012345' } })
  const env = envOf(it)
  const connection = String(it.connectionId)

  const asked = await run(['connection', 'catch-up', connection, '--every', '10'], { env })
  t.match(asked, { code: 0, stdout: /covered until .*reads on within seconds/, stderr: '' })
  await until(() => it.meta.events().length === 2)
  await it.settled()
  const shown = await run(['connection', 'show', connection], { env })
  t.match(shown.stdout, /covered until: +\S.*, read every 10 minutes/)
  const json = JSON.parse((await run(['connection', 'show', connection, '--json'], { env })).stdout)
  t.ok(Date.parse(json.coveredUntil) > Date.now() - 600_000)

  const server = JSON.parse((await run(['connection', 'catch-up', connection, '--no-every', '--json'], { env })).stdout)
  t.match(server, { everyMinutes: null, works: true })
  t.match(await run(['connection', 'catch-up', connection, '--every', '2000'], { env }), { code: 1, stderr: /1 to 1440/ })
  t.match(await run(['connection', 'catch-up', '99'], { env }), { code: 1, stderr: /no connection 99/ })
})
