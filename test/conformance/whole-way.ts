/** The rules that only the whole way can show: the real app around the connector, with its CRM and Meta as stand-ins. */
import { sql } from 'kysely'
import type { Test } from 'tap'
import type { Signal } from '../../connectors/connector.ts'
import { createConnections } from '../../server/connections/connections.ts'
import { createHttp } from '../../server/connections/http.ts'
import { createLog } from '../../server/log.ts'
import { exportLeadIds } from '../../server/settings/export-lead-ids.ts'
import { until } from '../support/app.ts'
import { count, ledger } from '../support/look.ts'
import type { Fixtures, Person, Told, Whole } from './fixtures.ts'
import { garbage, spoilt } from './hostile.ts'

const MINUTE = 60_000
const person = (n: number, createdAt: number): Person => ({
  metaLeadId: String(20_000_000_000_000_000n + BigInt(n)),
  email: `canary-${n}@example.com`,
  phone: `+4915112345${String(600 + n)}`,
  firstName: `Canarina${n}`,
  createdAt,
})

type Journey = [Told, Told]
type Six = [Journey, Journey, Journey, Journey, Journey, Journey]

export function testWholeWay(t: Test, fixtures: Fixtures): void {
  const { connector, stages } = fixtures
  const { quality, clockToleranceMs } = connector.manifest.history
  /** On the second, as Meta counts. */
  const start = Math.floor(Date.now() / 1000) * 1000 - 60 * MINUTE
  const journey = (id: string): Journey => [
    stages === null ? { id, stage: '', at: start } : { id, stage: stages[0], at: start + 10 * MINUTE },
    stages === null ? { id, stage: '', at: start } : { id, stage: stages[1], at: start + 20 * MINUTE },
  ]
  /** The time of a lead that no CRM has is when we learned of it. */
  const line = (leadId: string | undefined, eventName: string, seconds: number) =>
    `${leadId} ${eventName} ${stages === null ? 'when learned of' : seconds}`
  const expected = ({ eventNames }: Whole, metaLeadId: string) =>
    eventNames.map((eventName, n) => line(metaLeadId, eventName, (start + n * 10 * MINUTE) / 1000))
  const received = ({ it, dataset }: Whole) =>
    it.meta
      .events({ dataset })
      .map(({ leadId, eventName, eventTime }) => line(leadId, eventName, eventTime))
      .sort()

  t.test('in any order, any batches and however often: each stage of each lead once, at its time', async (t) => {
    const whole = await fixtures.start(t, {})
    const people = Array.from({ length: 6 }, (_, n) => person(n, start))
    const journeys = people.map((one) => journey(whole.lead(one)))
    for (const told of journeys.flat()) whole.change(told)
    const [forward, backward, together, doubled, shuffled, alone] = journeys as Six
    const requests: Told[][] = [
      [forward[0]],
      [forward[1]],
      [backward[1]],
      [backward[0]],
      together,
      [...doubled, ...doubled],
      [shuffled[1], shuffled[0], shuffled[1]],
      [alone[1]],
      ...journeys.toReversed().map((told) => [...told]),
      [alone[0]],
    ]
    for (const told of requests) t.ok(await whole.tell(told))
    await whole.it.settled()
    await Promise.all(requests.map((told) => whole.tell(told)))
    await whole.it.settled()
    t.same(received(whole), people.flatMap(({ metaLeadId }) => expected(whole, metaLeadId)).sort())
    t.match(whole.it.meta.summary().datasets[whole.dataset], { doubled: 0 })
  })

  t.test('a hundred records cost a handful of requests for who they are', async (t) => {
    const whole = await fixtures.start(t, {})
    const ids = Array.from({ length: 100 }, (_, n) => whole.lead(person(n, start)))
    const told = ids.map((id) => journey(id)[0])
    for (const one of told) whole.change(one)
    const before = whole.identityRequests()
    t.ok(await whole.tell(told))
    await whole.it.settled()
    const asked = whole.identityRequests() - before
    t.ok(asked <= 8, `${asked} requests`)
    t.equal(received(whole).length, stages === null ? 100 : 200, 'a raw lead and, where there are stages, one for each')
  })

  t.test('what is acknowledged is durable, and what is not durable is not acknowledged', async (t) => {
    const whole = await fixtures.start(t, {})
    const { it, connectionId } = whole
    const one = person(1, start)
    const [first, second] = journey(whole.lead(one))
    for (const told of [first, second]) whole.change(told)
    // Changes are taken, and wait.
    await it.db.updateTable('connection').set({ state: 'setup' }).where('id', '=', connectionId).execute()
    t.ok(await whole.tell([first]))
    t.equal(await count(it.db, 'packet'), 1, 'at the moment of the acknowledgement it is in the inbox')
    await sql`alter table packet rename to packet_away`.execute(it.db)
    t.notOk(await whole.tell([second]), 'nothing could be stored, and nothing is acknowledged')
    await sql`alter table packet_away rename to packet`.execute(it.db)
    await it.db.updateTable('connection').set({ state: 'active' }).where('id', '=', connectionId).execute()
    await it.restart()
    t.ok(await whole.tell([second]), 'the CRM tells it again')
    await it.settled()
    t.same(received(whole), expected(whole, one.metaLeadId).sort())
  })

  t.test(`history equals push (declared: ${quality})`, async (t) => {
    const whole = await fixtures.start(t, {})
    if (quality === 'none' || whole.tellSeen === undefined) return t.pass('no history is declared, so there is none to compare')
    const [told, silent] = [person(1, start), person(2, start)]
    const [toldId, silentId] = [whole.lead(told), whole.lead(silent)]
    for (const change of [...journey(toldId), ...journey(silentId)]) whole.change(change)
    const readings = await whole.readHistory?.(start - MINUTE, start + 30 * MINUTE)
    const read = (signals: readonly Signal[] = []) =>
      signals.flatMap((it) => {
        const { kind, ref, occurredAt } = it
        if (kind === 'stage') return [{ ref, occurredAt, stage: it.stage.stageId, origin: it.origin, exact: it.exact }]
        return kind === 'shown' && stages === null ? [{ ref, occurredAt, stage: '', origin: 'history', exact: true }] : []
      })
    for (const { id, stage, at } of [...journey(toldId), ...journey(silentId)]) {
      const near = read(readings).filter((it) => it.ref.id === id && it.stage === stage)
      t.match(near, [{ origin: 'history', exact: quality === 'exact' }], `${stage} is in the history once`)
      t.ok(Math.abs((near[0]?.occurredAt ?? 0) - at) <= clockToleranceMs, 'at its time')
    }
    t.same(read(await whole.readHistory?.(start + 11 * MINUTE, start + 12 * MINUTE)), [], 'and in no other period')
    for (const change of journey(toldId)) await whole.tell([change])
    await whole.it.settled()
    await whole.tellSeen(silentId)
    await whole.tellSeen(toldId)
    await whole.it.settled()
    const of = async (id: string) =>
      (await ledger(whole.it.db, id)).map(({ stage, occurredAt, outcome }) => ({ stage, occurredAt, outcome }))
    const [pushed, found] = [await of(toldId), await of(silentId)]
    t.same(
      found.map(({ stage, outcome }) => [stage, outcome]),
      pushed.map(({ stage, outcome }) => [stage, outcome]),
      'the same stages with the same outcome',
    )
    for (const [n, { occurredAt }] of found.entries())
      if (stages !== null) t.ok(Math.abs(occurredAt - (pushed[n]?.occurredAt ?? 0)) <= clockToleranceMs)
    t.same(received(whole), [told, silent].flatMap(({ metaLeadId }) => expected(whole, metaLeadId)).sort(), 'and nothing twice')
  })

  t.test('a merged record goes on as its survivor', async (t) => {
    const whole = await fixtures.start(t, {})
    if (whole.merge === undefined) return t.pass('this CRM tells no merges')
    const one = person(1, start)
    const [survivor, other] = [whole.lead(one), whole.lead(one)]
    const [first] = journey(other)
    whole.change(first)
    await whole.tell([first])
    await whole.it.settled()
    await whole.merge(survivor, other)
    const [, second] = journey(survivor)
    whole.change(second)
    await whole.tell([second])
    await whole.it.settled()
    t.same(received(whole), expected(whole, one.metaLeadId).sort(), 'one lead, each stage once')
  })

  t.test('what the CRM holds as Meta lead ids can be taken along, digit for digit', async (t) => {
    if (connector.leadIds === undefined) return t.pass('it has no field for them')
    const { it, connectionId, lead } = await fixtures.start(t, {})
    const people = Array.from({ length: 3 }, (_, n) => person(n, start))
    const ids = people.map(lead)
    const { http, close } = createHttp()
    t.teardown(close)
    const connections = createConnections({ db: it.db, vault: it.vault, apps: it.config.crm, http, log: createLog({ level: 'silent' }) })
    let csv = ''
    for await (const piece of exportLeadIds({ db: it.db, actor: 'test' }, connectionId, connections)) csv += piece
    const [head, ...lines] = csv.trimEnd().split('\r\n')
    t.equal(head, '\uFEFFrecord_type,record_id,meta_lead_id')
    for (const [n, { metaLeadId }] of people.entries())
      t.equal(lines.filter((line) => line.includes(ids[n] as string) && line.endsWith(`,l:${metaLeadId}`)).length, 1)
  })

  t.test('hostile input holds nobody up and leaves no word of anybody in the log', async (t) => {
    const lines: string[] = []
    const whole = await fixtures.start(t, { log: createLog({ level: 'trace', to: { write: (line) => lines.push(line) } }) })
    const one = person(7, start)
    const changes = journey(whole.lead(one))
    for (const told of changes) whole.change(told)
    const good = fixtures.say([{ ...changes[0], id: fixtures.ids[0] }], Date.now())
    const bad = [
      ...garbage.filter((body) => body.length < 1_000),
      ...spoilt(good).filter((_, n) => n % 5 === 0),
      `[${JSON.stringify(one)}`,
      JSON.stringify([one]),
    ]
    const stood: boolean[] = []
    for (let n = 0; n < bad.length; n += 8) stood.push(...(await Promise.all(bad.slice(n, n + 8).map(whole.post))))
    t.ok(
      stood.every((it) => it),
      `${bad.length} texts`,
    )
    await whole.tell(changes)
    const wanted = expected(whole, one.metaLeadId)
    await until(() => wanted.every((line) => received(whole).includes(line)))
    t.pass('good changes go their way')
    const text = lines.join('\n')
    t.ok(lines.length > 0, `${lines.length} lines of log`)
    for (const canary of [one.email, one.phone.slice(1), one.firstName, ...whole.secrets])
      t.notOk(text.includes(canary), canary.slice(0, 4))
  })
}
