/** Asking a CRM again and again: everything that changed comes in once, under whatever happens meanwhile. */
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { z } from 'zod'
import type { Connector, PollPage } from '../../../connectors/connector.ts'
import { CodedError } from '../../../connectors/errors.ts'
import { createConnections } from '../../../server/connections/connections.ts'
import { createVault } from '../../../server/connections/vault.ts'
import { settleArrivals } from '../../../server/intake/arrival.ts'
import { unpackChanges } from '../../../server/intake/packet.ts'
import { findPolls, poll } from '../../../server/intake/poll.ts'
import { createLog } from '../../../server/log.ts'
import { pauseConnection } from '../../../server/settings/connections.ts'
import { testDatabase } from '../../support/database.ts'
import { lineConnector } from '../../support/line-stream.ts'

const silent = createLog({ level: 'silent' })

/** A CRM with so many changes, told in pages of ten, from the first on. */
async function setUp(t: Test) {
  const db = await testDatabase(t)
  const vault = createVault([{ id: 'k1', key: Buffer.alloc(32, 1) }])
  const asked: (string | undefined)[] = []
  let changes = 0
  let before = async (): Promise<void> => undefined
  const base = lineConnector('lines')
  const connector: Connector = {
    ...base,
    manifest: { ...base.manifest, arrival: ['poll'], settings: z.object({}), pollMs: 60_000 },
    arrival: () => 'poll',
    async poll(_context, position): Promise<PollPage> {
      asked.push(position)
      await before()
      const from = Number(position ?? 0)
      const to = Math.min(from + 10, changes)
      return { changes: Array.from({ length: to - from }, (_, n) => from + n), position: String(to), more: to < changes }
    },
  }
  const connectors = { lines: connector }
  const workspace = await db.insertInto('workspace').values({ name: 'Lines' }).returning('id').executeTakeFirstOrThrow()
  const { id } = await db
    .insertInto('connection')
    .values({ workspace_id: workspace.id, crm: 'lines', account_key: 'a' })
    .returning('id')
    .executeTakeFirstOrThrow()
  await settleArrivals(db, connectors)
  const http = () => Promise.reject(new Error('nobody is asked'))
  const apps = { lines: { appId: '1', clientId: '1', clientSecrets: ['s'], baseUrl: 'https://lines.example.com' } }
  const woken: number[] = []
  /** A process. */
  const process = () => {
    const connections = createConnections({ db, vault, apps, http, log: silent, connectors })
    const options = { db, vault, connections, log: silent, wakeResolve: (one: number) => void woken.push(one) }
    return () => poll(options, id)
  }
  return {
    ...{ db, id, asked, woken, process, caller: { db, actor: 'test' } },
    found: () => findPolls(db, connectors),
    due: () => sql`update cursor set due_at = now() where channel = 'poll'`.execute(db),
    add(count: number) {
      changes += count
    },
    meanwhile(work: () => Promise<unknown>) {
      before = async () => void (await work())
    },
    async kept() {
      const packets = await db.selectFrom('packet').select(['id', 'body']).execute()
      return packets.flatMap((packet) => unpackChanges(vault.for('packet'), packet) as number[]).sort((a, b) => a - b)
    },
    notices: () => db.selectFrom('notice').select(['code', 'text']).where('closed_at', 'is', null).execute(),
  }
}
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

t.test('page by page until there is no more, then at the interval of the CRM', async (t) => {
  const it = await setUp(t)
  it.add(25)
  const run = it.process()
  t.strictSame(await it.found(), [it.id])
  for (let page = 0; page < 3; page++) t.ok(((await run()).again ?? 0) <= Date.now() || page === 2)
  t.strictSame(it.asked, [undefined, '10', '20'])
  t.strictSame(await it.kept(), numbers(25))
  t.strictSame(it.woken, [it.id, it.id, it.id])
  t.strictSame(await it.found(), [])
  const { again } = await run()
  t.ok(again !== undefined && again > Date.now() + 50_000)
  t.equal(it.asked.length, 3, 'it is not due')
})

t.test('a page that comes after the connection was paused is asked for again later', async (t) => {
  const it = await setUp(t)
  it.add(5)
  it.meanwhile(() => pauseConnection(it.caller, it.id))
  await it.process()()
  t.strictSame(await it.kept(), [])
  t.strictSame(await it.found(), [])
  await sql`update connection set state = 'setup'`.execute(it.db)
  it.meanwhile(async () => undefined)
  await it.process()()
  t.strictSame(it.asked, [undefined, undefined])
  t.strictSame(await it.kept(), numbers(5))
})

t.test('several processes read it once between them', async (t) => {
  const it = await setUp(t)
  it.add(40)
  const runs = [it.process(), it.process(), it.process()]
  for (let round = 0; round < 6; round++) await Promise.all(runs.map((run) => run()))
  t.strictSame(await it.kept(), numbers(40))
  t.equal(new Set(it.asked).size, it.asked.length)
})

t.test('while much waits to be handled nothing more is asked for', async (t) => {
  const it = await setUp(t)
  it.add(300)
  const run = it.process()
  for (let page = 0; page < 25; page++) await run()
  t.equal(it.asked.length, 20)
  await it.db.deleteFrom('packet').execute()
  await run()
  t.equal(it.asked.length, 21)
})

t.test('what only the customer can mend is told, and taken back when it works again', async (t) => {
  const it = await setUp(t)
  it.add(1)
  const fails = (retry: CodedError['retry']) =>
    it.meanwhile(() =>
      Promise.reject(new CodedError({ code: 'no_rights', retry, scope: 'connection', userText: 'The right to read is missing.' })),
    )
  fails('later')
  const run = it.process()
  await run()
  t.strictSame(await it.notices(), [])
  await it.due()
  fails('never')
  await run()
  t.match(await it.notices(), [{ code: 'poll', text: /right to read is missing/ }])
  await it.due()
  it.meanwhile(async () => undefined)
  await run()
  t.strictSame(await it.notices(), [])
  t.strictSame(await it.kept(), [0])
})
