/**
 * Every route of the settings API, as its OpenAPI document lists them: the document is what is served, nobody gets in without a
 * proof, readers change nothing, and (promise 20) whatever id of another tenant is named, it is not there.
 */
import t from 'tap'
import { openSession } from '../../../../server/settings/api/sessions.ts'
import { listRoutes } from '../../../manifest/kit/routes.ts'
import { type Tenant, type TestApp, testApp } from '../../../support/app.ts'
import { byHubspot, signedIn, withBearer } from '../../../support/settings-page.ts'

interface Operation {
  operationId: string
  summary: string
  tags: string[]
  parameters?: { name: string; in: string; required?: boolean; schema: unknown }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>
}
interface Schema {
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  anyOf?: Schema[]
  enum?: unknown[]
}
interface Document {
  openapi: string
  components: { schemas: Record<string, Schema> }
  paths: Record<string, Record<string, Operation>>
}
interface Route {
  method: string
  path: string
  operation: Operation
}

const anybody = new Set(['openSession', 'getWords', 'download'])
/** Reading that needs a body. */
const reading = new Set(['endSession', 'connect', 'tryRules', 'previewLead'])

async function document(it: Pick<TestApp, 'url'>): Promise<{ document: Document; routes: Route[] }> {
  const document = (await (await fetch(`${it.url}/api/openapi.json`)).json()) as Document
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: path.replace(/^\/api/, ''),
      operation,
    })),
  )
  return { document, routes }
}
const writes = ({ method, operation }: Route) =>
  method !== 'GET' && !reading.has(operation.operationId) && !anybody.has(operation.operationId)

t.test('the document lists what is served, and says of each route what it is for', async (t) => {
  const it = await testApp(t)
  const { document: doc, routes } = await document(it)
  t.match(doc.openapi, /^3\.1/)
  const served = (await listRoutes()).filter(({ path }) => path.startsWith('/api/') && path !== '/api/openapi.json')
  const listed = routes.map(({ method, path }) => `${method} /api${path}`)
  const real = served.flatMap(({ methods, path }) => methods.map((method) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`))
  t.strictSame(listed.sort(), real.sort())
  const ids = routes.map(({ operation }) => operation.operationId)
  t.equal(new Set(ids).size, ids.length, 'each has a name of its own')
  for (const { operation, path } of routes) {
    t.ok(operation.summary.length > 8 && operation.tags.length === 1, path)
    for (const [, name] of path.matchAll(/\{(\w+)\}/g))
      t.ok(
        operation.parameters?.some((one) => one.in === 'path' && one.name === name),
        path,
      )
    if (operation.operationId === 'download') continue
    const answers = operation.responses['200']?.content?.['application/json']?.schema
    t.ok(answers?.anyOf ?? answers, `${path} says what it answers`)
  }
  const text = JSON.stringify(doc)
  t.notMatch(text, /undefined|\[object/)
  const parts = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name as string))
  t.strictSame([...parts].sort(), Object.keys(doc.components.schemas).sort(), 'what it refers to is there, and nothing else')
})

t.test('nobody gets in without a proof of who they are', async (t) => {
  const it = await testApp(t)
  const { routes } = await document(it)
  for (const { method, path, operation } of routes.filter((route) => !anybody.has(route.operation.operationId))) {
    for (const bearer of ['', 'A'.repeat(43)]) {
      const { status, body } = await withBearer(it, bearer)(method, example(path), {})
      t.match({ status, code: body.code }, { status: 401, code: 'signed_out' }, operation.operationId)
    }
  }
})

t.test('readers change nothing, by bearer or by signature', async (t) => {
  const it = await testApp(t)
  it.hubspot.setUser({ userId: '707', superAdmin: false })
  const { routes } = await document(it)
  const before = await everything(it)
  const reader = await signedIn(it, { admin: false, userId: '707' })
  const signing = byHubspot(it, { userId: '707' })
  t.ok(routes.filter(writes).length > 20)
  for (const { method, path, operation } of routes.filter(writes)) {
    t.match(await reader(method, example(path), {}), { status: 403, body: { code: 'not_admin' } }, operation.operationId)
    t.match(await signing(method, example(path), {}), { status: 200, body: { ok: false, code: 'not_admin' } }, operation.operationId)
  }
  t.strictSame(await everything(it), before)
})

t.test('an account that is not connected sees nothing but that', async (t) => {
  const it = await testApp(t)
  const { routes } = await document(it)
  const stranger = await signedIn(it, { account: '5005005' })
  const open = new Set(['getSession', 'endSession', 'connect'])
  for (const route of routes.filter(({ operation: { operationId } }) => !anybody.has(operationId) && !open.has(operationId))) {
    const { status, body } = await stranger(route.method, example(route.path), bodyFor(route))
    t.match({ status, code: body.code }, { status: 409, code: 'not_connected' }, `${route.operation.operationId}: ${JSON.stringify(body)}`)
  }
})

t.test('what belongs to another tenant is not there, whoever names it', async (t) => {
  const it = await testApp(t)
  const other = await another(it)
  const theirs = await furnish(it, other)
  const mine = await furnish(it, it)
  // Portals give their records the same numbers; this one has one more.
  const { id } = it.hubspot.create({ portalId: OTHER.portal, type: 'contact', properties: { meta_lead_id: '123456789012399' } })
  await it.settled()
  const theirRecord = { type: 'contact', id }
  const { routes } = await document(it)
  const before = await everything(it, other)
  const admin = await signedIn(it)
  const owner = await signedIn(it, { account: '4004004' })
  const named = routes.filter(({ path }) => path.includes('{id}'))
  t.ok(named.length >= 10)
  for (const route of named) {
    const id = idOf(route.path, theirs)
    const { status, body } = await admin(route.method, route.path.replace('{id}', String(id)), bodyFor(route))
    t.match({ status, code: body.code }, { status: 404, code: /_unknown$/ }, `${route.method} ${route.path}: ${JSON.stringify(body)}`)
  }
  for (const ref of [theirRecord, { ...theirRecord, id: 'x' }]) {
    t.match(await admin('GET', `/record?type=${ref.type}&id=${ref.id}`), { status: 404, body: { code: 'record_unknown' } })
    t.match(await admin('POST', '/record/retry', { record: ref }), { status: 404, body: { code: 'record_unknown' } })
  }
  // What lists things shows none of theirs.
  for (const { path, operation } of routes.filter(({ method, path }) => method === 'GET' && !path.includes('{') && path !== '/record')) {
    const { body } = await admin('GET', path)
    t.notMatch(JSON.stringify(body.data ?? {}), /700000000000002|4004004/, operation.operationId)
  }
  t.strictSame(await everything(it, other), before, 'and nothing of theirs was changed')
  t.match(await owner('GET', `/record?type=contact&id=${id}`), { status: 200 }, 'though it is there')
  t.match(await owner('GET', `/backfills/${theirs.backfill}`), { status: 200 })
  t.match(await admin('GET', `/backfills/${mine.backfill}`), { status: 200 })
})

t.test('two accounts of one workspace share what is of the workspace, and each has its own activity', async (t) => {
  const it = await testApp(t)
  const sister = await another(it)
  const theirs = await furnish(it, sister)
  await it.db.updateTable('connection').set({ workspace_id: it.workspaceId }).where('id', '=', sister.connectionId).execute()
  await it.db.updateTable('backfill').set({ workspace_id: it.workspaceId }).where('id', '=', theirs.backfill).execute()
  const admin = await signedIn(it)
  t.match(await admin('GET', `/backfills/${theirs.backfill}`), { status: 404, body: { code: 'backfill_unknown' } })
  t.match(await admin('POST', `/backfills/${theirs.backfill}/cancel`, {}), { status: 404, body: { code: 'backfill_unknown' } })
  t.match(await admin('GET', `/record?type=contact&id=${theirs.record.id}`), { status: 404, body: { code: 'record_unknown' } })
  t.match(await admin('GET', '/records'), { body: { data: { records: [] } } })
})

t.test('a session knows its account only: the same user elsewhere is somebody else', async (t) => {
  const it = await testApp(t)
  await another(it)
  const { bearer } = await openSession(it.db, { crm: 'hubspot', account: '4004004', userId: '606', admin: true })
  t.match(await withBearer(it, bearer)('GET', '/connection'), { body: { data: { account: '4004004' } } })
  const forged = await fetch(`${it.url}/api/connection?portalId=3003003&userId=606`, { headers: { authorization: `Bearer ${bearer}` } })
  t.match(await forged.json(), { data: { account: '4004004' } }, 'whatever its address says')
})

const OTHER = { portal: 4004004, dataset: '700000000000002', token: 'EAAanothertoken00000000000000002' }

/** An advertiser of its own. */
async function another(it: TestApp): Promise<Tenant> {
  it.meta.addDataset({ id: OTHER.dataset, tokens: [OTHER.token] })
  return it.addTenant(OTHER)
}

/** One of each thing that has an id. */
async function furnish(it: TestApp, tenant: Tenant) {
  const { db } = it
  const portalId = Number(
    (await db.selectFrom('connection').select('account_key').where('id', '=', tenant.connectionId).executeTakeFirstOrThrow()).account_key,
  )
  const { id } = it.hubspot.create({
    portalId,
    type: 'contact',
    properties: { email: `of${portalId}@example.com`, meta_lead_id: `1234567890123${portalId % 100}0` },
  })
  await it.settled()
  const backfill = await db
    .insertInto('backfill')
    .values({
      workspace_id: tenant.workspaceId,
      connection_id: tenant.connectionId,
      state: 'ready',
      period_from: new Date(Date.now() - 86_400_000),
      period_to: new Date(),
      error: null,
      error_text: null,
      position: null,
      requested_by: 'nobody',
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const owner = await signedIn(it, { account: String(portalId) })
  const recipient = await owner('POST', '/recipients', { to: { email: `of${portalId}@example.com` } })
  return {
    backfill: backfill.id,
    recipient: (recipient.body.data as unknown as { id: number }).id,
    dataset: tenant.datasetId,
    record: { type: 'contact', id },
  }
}
type Furnished = Awaited<ReturnType<typeof furnish>>

function idOf(path: string, { backfill, recipient, dataset }: Furnished): number {
  if (path.startsWith('/backfills/')) return backfill
  return path.startsWith('/recipients/') ? recipient : dataset
}

const example = (path: string) => path.replace('{id}', '1').replace('{word}', 'x') + (path === '/record' ? '?type=contact&id=1' : '')

/** A body that the route takes, as far as that can be read from its schema. */
function bodyFor({ operation }: Route): unknown {
  const schema = operation.requestBody?.content['application/json']?.schema
  return schema === undefined ? undefined : fill(schema)
}
function fill(schema: Schema): unknown {
  if (schema.enum) return schema.enum[0]
  if (schema.anyOf) return fill(schema.anyOf[0] as Schema)
  if (schema.type === 'object')
    return Object.fromEntries((schema.required ?? []).map((name) => [name, fill(schema.properties?.[name] ?? {})]))
  if (schema.type === 'array') return []
  if (schema.type === 'boolean') return true
  if (schema.type === 'integer' || schema.type === 'number') return 1
  return 'x'
}

/** What a change would leave a trace in, of one tenant or of all. */
async function everything({ db }: TestApp, of?: Tenant) {
  const all = {
    // The server itself notes how changes arrive, and checks tokens now and then.
    connection: (await db.selectFrom('connection').selectAll().orderBy('id').execute()).map((row) => ({ ...row, arrival: null })),
    mapping: await db.selectFrom('mapping').selectAll().orderBy('connection_id').execute(),
    route: await db.selectFrom('route').selectAll().orderBy('id').execute(),
    backfill: await db.selectFrom('backfill').selectAll().orderBy('id').execute(),
    dataset: (await db.selectFrom('dataset').selectAll().orderBy('id').execute()).map((row) => ({ ...row, token_checked_at: null })),
    audit: await db.selectFrom('audit').select(['action', 'workspace_id']).orderBy('id').execute(),
    notice: await db.selectFrom('notice').selectAll().orderBy('id').execute(),
  }
  if (of === undefined) return all
  const ours = (row: object) =>
    Object.entries(row).some(
      ([name, value]) => (name === 'workspace_id' && value === of.workspaceId) || (name === 'connection_id' && value === of.connectionId),
    )
  return Object.fromEntries(Object.entries(all).map(([table, rows]) => [table, (rows as object[]).filter(ours)]))
}
