/** From what a CRM says to what it means: proven, pure, the same however it is cut, and unmoved by hostile input. */
import type { Test } from 'tap'
import type { Signal } from '../../connectors/connector.ts'
import type { Fixtures, Told } from './fixtures.ts'
import { garbage, spoilt } from './hostile.ts'
import { watchIo } from './no-io.ts'
import { isSound } from './sound.ts'

export function testMeaning(t: Test, fixtures: Fixtures): void {
  const { connector, stages, ids, say, hear, proof } = fixtures
  const now = Date.now()
  /** On the second, as some CRMs count. */
  const start = Math.floor(now / 1000) * 1000 - 60_000
  const told: Told[] = ids.flatMap((id, n) => (stages ?? ['']).map((stage, m) => ({ id, stage, at: start + 10_000 * n + 1_000 * m })))
  const changesOf = (some: readonly Told[]) => hear(say(some, now), now)
  /** As changes come back from storage. */
  const stored = (changes: unknown[]): unknown[] => JSON.parse(JSON.stringify(changes))
  const meant = (changes: unknown[]): Signal[] => connector.normalise(stored(changes))
  const stagesOf = (signals: Signal[]) =>
    signals.flatMap((it) => {
      const stage = it.kind === 'stage' ? it.stage.stageId : it.kind === 'seen' && stages === null ? '' : undefined
      return stage === undefined ? [] : [{ id: it.ref.id, stage, at: it.occurredAt }]
    })

  t.test('only the CRM itself is believed', async (t) => {
    if (proof === undefined) return t.pass('nobody can send to us: we ask')
    const { requestOf, verify, forgeries } = proof
    const whole = requestOf(say(told, now), now)
    t.same(verify(whole), { ok: true })
    for (const [what, forged] of Object.entries(forgeries(whole))) {
      const verdict = verify(forged)
      t.match(verdict, { ok: false, status: 401 }, what)
    }
    const bare = { ...whole, headers: {} }
    for (const broken of [bare, { ...bare, method: 'GET' }, { ...whole, method: 'PUT' }, { ...whole, body: Buffer.of(0xff, 0xfe) }])
      t.match(verify(broken), { ok: false, status: /^4\d\d$/ })
  })

  t.test('changes mean the stages that were told, at the instants that were told', async (t) => {
    t.same(stagesOf(meant(changesOf(told))), told)
    for (const signal of meant(changesOf(told))) {
      if (signal.kind !== 'stage') continue
      t.ok(signal.exact && signal.origin === connector.manifest.arrival[0] && signal.occurredAtSource !== 'received')
    }
  })

  t.test('neither order nor batches nor repeats change what one change means', async (t) => {
    const changes = stored(changesOf(told))
    const alone = changes.flatMap((change) => connector.normalise([change]))
    t.same(connector.normalise(changes), alone, 'together or alone')
    t.same(
      told.flatMap((one) => stagesOf(meant(changesOf([one])))),
      told,
      'told together or one by one',
    )
    t.same(stagesOf(meant(changesOf(told.toReversed()))), told.toReversed())
    t.same(connector.normalise([...changes, ...changes]), [...alone, ...alone])
  })

  t.test('a cleared stage is no stage', async (t) => {
    if (stages === null) return t.pass('its records have no stages')
    const [one] = told as [Told]
    t.same(stagesOf(meant(changesOf([{ ...one, stage: '' }]))), [])
    t.same(stagesOf(meant(changesOf([{ ...one, stage: '' }, one]))), [one], 'and costs its neighbour nothing')
  })

  t.test('verify, parse, normalise and the proposed mapping do no I/O', async (t) => {
    const text = say(told, now)
    const whole = proof?.requestOf(text, now)
    // What is loaded or compiled on first use is not counted against the function.
    if (whole) proof?.verify(whole)
    const changes = stored(hear(text, now))
    const functions: Record<string, () => unknown> = {
      ...(proof && whole && { verify: () => proof.verify(whole) }),
      parse: () => hear(text, now),
      normalise: () => connector.normalise(changes),
      defaultMapping: () => connector.defaultMapping([]),
    }
    for (const [name, work] of Object.entries(functions)) {
      const { result, reached } = watchIo(work)
      t.same(reached, [], name)
      t.notOk(result instanceof Promise, `${name} answers at once`)
    }
  })

  t.test('hostile input yields sound signals or none, and never throws', async (t) => {
    let bodies = 0
    const look = (body: string) => {
      bodies += 1
      proof?.verify(proof.requestOf(body, now))
      for (const signal of meant(hear(body, now)))
        if (!isSound(signal)) t.fail(`${JSON.stringify(signal).slice(0, 300)} of ${body.slice(0, 300)}`)
    }
    for (const body of garbage) look(body)
    for (const body of spoilt(say(told.slice(0, 1), now))) look(body)
    t.ok(bodies > 100, `${bodies} bodies`)
    t.notOk('polluted' in {}, 'no prototype was touched')
    t.same(
      connector.normalise([null, undefined, 7, 'x', [], {}, { __proto__: null }, Object.create(null)]),
      [],
      'what is no change means nothing',
    )
  })
}
