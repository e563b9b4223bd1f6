/** Which changes need the CRM to be asked about their records. */
import t, { type Test } from 'tap'
import type { RecordSnapshot, Signal } from '../../../connectors/connector.ts'
import { gatherWork } from '../../../server/resolve/gather.ts'
import { wantedLookups } from '../../../server/resolve/wanted-lookups.ts'
import { testDatabase } from '../../support/database.ts'
import { lineConnector } from '../../support/line-stream.ts'

const now = Date.now()
const ref = { type: 'lead', id: '1' }
const connector = lineConnector('lines', { lookup: async () => [] })
const LEAD = '123456789012345'

async function setUp(t: Test) {
  const db = await testDatabase(t)
  const wanted = (signals: Signal[], ruleFields: string[] = [], lasting = new Set<string>()) =>
    wantedLookups(
      { db, identityTtlMs: 300_000, ruleFields, lasting },
      1,
      connector,
      gatherWork(signals.map((signal) => ({ signal, receivedAt: now }))),
      now,
    )
  const known = (lookedUpAt: number | null) =>
    db
      .insertInto('record')
      .values({
        connection_id: 1,
        type: 'lead',
        record_id: '1',
        first_seen_at: new Date(now - 86_400_000),
        looked_up_at: lookedUpAt === null ? null : new Date(lookedUpAt),
      })
      .execute()
  return { wanted, known }
}

const stage: Signal = {
  ...{ kind: 'stage', ref, stage: { source: 'status', stageId: 'new' }, occurredAt: now },
  ...{ occurredAtSource: 'event', origin: 'stream', exact: true },
}
const shown = (more: Partial<RecordSnapshot>): Signal => ({
  ...{ kind: 'shown', ref, occurredAt: now },
  snapshot: { ref, found: true, stages: [], fields: {}, ...more },
})
const withLeadId = (more: Partial<RecordSnapshot> = {}) => shown({ partial: true, identity: { metaLeadId: LEAD }, ...more })

t.test('a change that shows the whole record needs nothing more', async (t) => {
  const { wanted } = await setUp(t)
  t.strictSame(await wanted([stage]), [{ ref, history: true }])
  t.strictSame(await wanted([stage, shown({})]), [])
  t.strictSame(await wanted([stage, shown({}), { kind: 'identity', ref, occurredAt: now }]), [{ ref, history: true }])
})

t.test('the lead id is enough for a record that is known, however long ago', async (t) => {
  const { wanted, known } = await setUp(t)
  await known(now - 86_400_000)
  t.strictSame(await wanted([stage]), [{ ref, history: false }])
  t.strictSame(await wanted([stage, withLeadId()], ['Consent']), [])
  t.strictSame(await wanted([stage, shown({ partial: true })]), [{ ref, history: false }], 'other parts are not')
})

t.test('on first sight it takes the creation and what the rules look at, too', async (t) => {
  const { wanted, known } = await setUp(t)
  await known(null)
  t.strictSame(await wanted([stage, withLeadId()]), [{ ref, history: true }])
  t.strictSame(await wanted([stage, withLeadId({ createdAt: now })]), [])
  t.strictSame(await wanted([stage, withLeadId({ createdAt: now })], ['Consent']), [{ ref, history: true }])
  t.strictSame(await wanted([stage, withLeadId({ createdAt: now, fields: { Consent: null } })], ['Consent']), [])
})

t.test('where something was not told the history is read, however well the record is known', async (t) => {
  const { wanted, known } = await setUp(t)
  await known(now)
  t.strictSame(await wanted([stage]), [])
  t.strictSame(await wanted([stage, { kind: 'seen', ref, occurredAt: now }]), [{ ref, history: false }])
  t.strictSame(await wanted([stage, { kind: 'seen', ref, occurredAt: now, history: true }]), [{ ref, history: true }])
})

t.test('a record of which nothing new is to be seen is looked up once', async (t) => {
  const { wanted, known } = await setUp(t)
  const again: Signal = { kind: 'identity', ref, occurredAt: now }
  const lasting = new Set(['lead/1'])
  t.equal((await wanted([again], [], lasting)).length, 1, 'the first time')
  await known(now - 86_400_000)
  t.same(await wanted([again], [], lasting), [])
  t.equal((await wanted([again])).length, 1, 'others are looked up again')
})
