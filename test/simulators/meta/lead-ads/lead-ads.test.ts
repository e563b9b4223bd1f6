/** The stand-in's pages: what Meta documents of its rules is what it holds us to. */
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { parse, verify } from '../../../../connectors/meta-lead-ads/webhook.ts'
import { until } from '../../../support/app.ts'
import { startMeta } from '../start-meta.ts'

const PAGE = '106000000000001'

async function setUp(t: Test, budget?: { calls: number; perMs: number; blockMs: number }) {
  const meta = await startMeta()
  t.teardown(() => meta.close())
  const { leadAds, pagesApp } = meta
  const { token } = leadAds.addPage({ id: PAGE, ...(budget && { budget }) })
  const form = leadAds.addForm({ page: PAGE }).id
  const proof = createHmac('sha256', pagesApp.secret).update(token).digest('hex')
  const ask = async (path: string, query: Record<string, string> = {}, init: RequestInit = {}, by = token) => {
    const all = new URLSearchParams({ appsecret_proof: proof, ...query })
    const answer = await fetch(`${meta.url}/v26.0${path}?${all}`, { ...init, headers: { authorization: `Bearer ${by}` } })
    const body = (await answer.json()) as {
      data?: { id: string }[]
      paging?: { next?: string; cursors: { after: string } }
      error?: { code: number }
    }
    return { status: answer.status, body, usage: answer.headers.get('x-business-use-case-usage') ?? '' }
  }
  return { meta, leadAds, token, form, ask }
}

/** Where webhooks are sent: answers with these statuses, then with 200. */
async function listener(t: Test, statuses: number[]) {
  const bodies: { body: Buffer; signature: string }[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    bodies.push({ body: Buffer.concat(chunks), signature: String(request.headers['x-hub-signature-256']) })
    response.writeHead(statuses.shift() ?? 200).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { bodies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

t.test('edges are paged by cursors, newest first, filtered by time', async (t) => {
  const { leadAds, form, ask } = await setUp(t)
  const ids = Array.from({ length: 5 }, (_, n) => leadAds.submit({ form, at: 1_790_000_000_000 + n * 1000, silent: true }).id)
  const first = await ask(`/${form}/leads`, { limit: '2', fields: 'id' })
  t.same(
    first.body.data?.map(({ id }) => id),
    [ids[4], ids[3]],
  )
  const second = await ask(`/${form}/leads`, { limit: '3', fields: 'id', after: first.body.paging?.cursors.after ?? '' })
  t.same(
    second.body.data?.map(({ id }) => id),
    [ids[2], ids[1], ids[0]],
  )
  t.same([first.body.paging?.next !== undefined, second.body.paging?.next], [true, undefined])
  const filtering = (operator: string) => JSON.stringify([{ field: 'time_created', operator, value: 1_790_000_003 }])
  for (const [operator, count] of [
    ['GREATER_THAN', 1],
    ['GREATER_THAN_OR_EQUAL', 2],
    ['LESS_THAN', 3],
  ] as const)
    t.equal((await ask(`/${form}/leads`, { filtering: filtering(operator) })).body.data?.length, count, operator)
  t.match(await ask(`/${form}/leads`, { filtering: filtering('EQUAL') }), { status: 400, body: { error: { code: 100 } } })
})

t.test('what may not be seen is refused in the words of the Graph API', async (t) => {
  const { leadAds, form, ask, token } = await setUp(t)
  const { id } = leadAds.submit({ form })
  t.match(await ask(`/${id}`, { fields: 'field_data,nothing' }), { body: { error: { code: 100 } } })
  t.match(await ask('/999999999999999'), { body: { error: { code: 100, error_subcode: 33 } } })
  t.match(await ask('/', { ids: `${id},999999999999999` }), { body: { error: { code: 803 } } })
  t.match(await ask('/', { ids: Array.from({ length: 51 }, () => id).join(',') }), { body: { error: { code: 100 } } })
  t.match(await ask(`/${id}`, { appsecret_proof: 'wrong' }), { body: { error: { code: 100 } } })
  leadAds.permit({ permission: 'leads_retrieval', on: false })
  t.match(await ask(`/${id}`), { status: 403, body: { error: { code: 200 } } })
  leadAds.breakPage({ page: PAGE, subcode: 460 })
  t.match(await ask(`/${id}`), { status: 401, body: { error: { code: 190, error_subcode: 460 } } })
  t.match(await ask(`/${id}`, {}, {}, `${token}x`), { body: { error: { code: 190 } } })
})

t.test('a form has one test lead at a time, which only its own list shows', async (t) => {
  const { leadAds, form, ask } = await setUp(t)
  const { id } = leadAds.submit({ form, test: true })
  t.throws(() => leadAds.submit({ form, test: true }))
  t.same((await ask(`/${form}/leads`)).body.data, [])
  t.match((await ask(`/${form}/test_leads`)).body.data, [{ id }])
  t.match(await ask(`/${id}`, {}, { method: 'DELETE' }), { status: 200 })
  t.same((await ask(`/${form}/test_leads`)).body.data, [])
})

t.test('a budget is told with each answer, and refuses what goes beyond it', async (t) => {
  const { form, ask, leadAds } = await setUp(t, { calls: 10, perMs: 3_600_000, blockMs: 120_000 })
  const ids = Array.from({ length: 4 }, () => leadAds.submit({ form }).id)
  const first = await ask('/', { ids: ids.join(',') })
  t.match(
    JSON.parse(first.usage),
    { [PAGE]: [{ type: 'leadgen', call_count: 40, estimated_time_to_regain_access: 0 }] },
    'each id is a call',
  )
  for (let n = 0; n < 6; n++) t.equal((await ask(`/${ids[0]}`)).status, 200)
  const refused = await ask(`/${ids[0]}`)
  t.match(refused, { status: 400, body: { error: { code: 80005 } } })
  t.match(JSON.parse(refused.usage), { [PAGE]: [{ call_count: 100, estimated_time_to_regain_access: 2 }] })
  t.same(leadAds.budgetCounts({ page: PAGE }), { taken: 10, refused: 1 })
})

t.test('whoever is subscribed is told, signed and with whole ids, until the answer is 200', async (t) => {
  const { meta, leadAds, form, ask } = await setUp(t)
  const { url, bodies } = await listener(t, [500, 503])
  leadAds.leadgenWebhooks({ targetUrl: url, retryScale: 1e-6 })
  leadAds.submit({ form })
  await leadAds.leadgenIdle()
  t.equal(bodies.length, 0, 'not before the page has installed the app')
  t.match(await ask(`/${PAGE}/subscribed_apps`, {}, { method: 'POST', body: new URLSearchParams({ subscribed_fields: 'leadgen' }) }), {
    body: { success: 'true' },
  })
  const id = '98765432109876543'
  leadAds.submit({ form, id, at: 1_790_000_000_000 })
  leadAds.submit({ form, id: '98765432109876544', at: 1_790_000_000_000 })
  await until(() => bodies.length >= 3)
  await leadAds.leadgenIdle()
  const { secret } = meta.pagesApp
  const app = { appId: '1', clientId: '1', clientSecrets: [secret], baseUrl: '' }
  for (const { body, signature } of bodies) {
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signature }
    t.same(verify({ method: 'POST', target: '/', publicUrl: '', receivedAt: Date.now(), headers, body }, app), { ok: true })
    t.same(
      parse({ body }).changes.map((change) => change.body),
      [id, '98765432109876544'].map((id) => ({ id, at: 1_790_000_000_000 })),
    )
  }
  t.match(
    leadAds.leadgenAttempts().map(({ status, attempt }) => [attempt, status]),
    [
      [0, 500],
      [1, 503],
      [2, 200],
    ],
  )
  await ask(`/${PAGE}/subscribed_apps`, {}, { method: 'DELETE' })
  leadAds.submit({ form })
  await leadAds.leadgenIdle()
  t.equal(bodies.length, 3, 'and no more once the app is off the page')
})
