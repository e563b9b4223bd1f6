/** A table of leads by way of the settings API. */
import t from 'tap'
import { openSession } from '../../../../server/settings/api/sessions.ts'
import { PORTAL, type TestApp, testApp } from '../../../support/app.ts'
import type { Answered } from '../../../support/settings-page.ts'

const TABLE = 'id,created_time,email\nl:101234567890123,2026-01-01T00:00:00Z,ana@example.com\nno id,,x\n'

async function importing(it: TestApp, admin = true) {
  const { bearer } = await openSession(it.db, { crm: 'hubspot', account: String(PORTAL), userId: '606', admin })
  return async (body: string, query = '', type = 'text/csv') => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': type }
    const answer = await fetch(`${it.url}/api/leads/import${query}`, { method: 'POST', headers, body })
    return { status: answer.status, body: (await answer.json()) as Answered['body'] }
  }
}
const leads = ({ db }: TestApp) => db.selectFrom('lead').select('meta_lead_id').execute()

t.test('a table is looked at first, and kept when the same one is given again with what the look was answered', async (t) => {
  const it = await testApp(t)
  const { id } = it.hubspot.create({ type: 'contact', properties: { email: 'ana@example.com', lifecyclestage: 'customer' } })
  await it.settled()
  const post = await importing(it)
  const looked = await post(TABLE)
  const match = { record: { type: 'contact', id }, metaLeadId: '101234567890123' }
  t.match(looked, { status: 200, body: { ok: true, data: { kept: false, leads: 1, fresh: 1, known: 0, unreadable: 1, matched: 1 } } })
  t.match(looked.body.data, { records: [match], lines: [{ line: 3, text: String }] })
  t.notOk(
    (await leads(it)).some(({ meta_lead_id }) => meta_lead_id === '101234567890123'),
    'nothing was kept',
  )

  const { confirm } = looked.body.data as unknown as { confirm: string }
  for (const [what, body, query] of [
    ['another file', `${TABLE}l:101234567890124,,b@example.com\n`, ''],
    ['another country', TABLE, '&country=DE'],
  ] as const)
    t.match(await post(body, `?confirm=${confirm}${query}`), { status: 400, body: { code: 'invalid_input' } }, what)
  t.match(await post(TABLE, `?confirm=${confirm}`), { status: 200, body: { data: { kept: true, fresh: 1 } } })
  t.ok((await leads(it)).some(({ meta_lead_id }) => meta_lead_id === '101234567890123'))
  t.match(
    await post(TABLE, `?confirm=${confirm}`),
    { status: 200, body: { data: { kept: true, fresh: 0, known: 1 } } },
    'again it brings nothing',
  )
})

t.test('what is no table, too large or from a reader is refused', async (t) => {
  const it = await testApp(t)
  const post = await importing(it)
  t.match(await post('name\nAna\n'), { status: 422, body: { code: 'no_lead_id_column' } })
  t.match(await post('{}', '', 'application/json'), { status: 400, body: { code: 'invalid_input', text: /text\/csv/ } })
  t.match(await post(TABLE, '?country=12'), { status: 400, body: { code: 'invalid_input' } })
  t.match(await post(`id\n${'1'.repeat(8_400_000)}`), { status: 422, body: { code: 'file_too_large' } })
  t.match(await (await importing(it, false))(TABLE), { status: 403, body: { code: 'not_admin' } })
})
