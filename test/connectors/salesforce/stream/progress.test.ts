import t from 'tap'
import type { EventChange } from '../../../../connectors/salesforce/change.ts'
import { replay } from '../../../../connectors/salesforce/stream/position.ts'
import { createProgress, type Told } from '../../../../connectors/salesforce/stream/progress.ts'
import { leadId } from './follow.ts'

const change = (number: number, given: Partial<EventChange> = {}): EventChange => ({
  kind: 'event',
  entity: 'Lead',
  ids: [leadId(number)],
  type: 'UPDATE',
  at: 0,
  transaction: 'k',
  sequence: 1,
  changed: ['Status'],
  fields: { Status: 'Working' },
  ...given,
})
/** `a1` is record 1 under the replay id `aa`. */
const told = (...texts: string[]): Told[] =>
  texts.map((text) => ({ replayId: (text[0] as string).repeat(2), change: change(Number(text.slice(1))) }))
const ids = (batch: { changes: unknown[] } | undefined) => (batch?.changes as EventChange[] | undefined)?.flatMap((it) => it.ids)
const custom = (replayId: string) => ({ replayPreset: replay.custom, replayId: Buffer.from(replayId, 'hex') })

t.test('a stream begins behind its position, or now', async (t) => {
  t.same(createProgress('00000000005a94f00000').open(), custom('00000000005a94f00000'), 'leading zeros are part of it')
  t.same(createProgress(undefined).open(), { replayPreset: replay.latest })
})

t.test('a position is an id after which another one came', async (t) => {
  const progress = createProgress('aa')
  progress.open()
  t.equal(progress.take(told('b1'))?.position, undefined)
  t.equal(progress.take(told('c2', 'd3', 'd4'))?.position, 'cc')
  t.equal(progress.take(told('d5'))?.position, undefined, 'more of the same')
  t.equal(progress.take(told('e6'))?.position, 'dd')
})

t.test('a sign of life completes what came before it', async (t) => {
  const progress = createProgress('aa')
  progress.open()
  progress.take(told('b1'))
  t.same(progress.quiet('bb'), { changes: [], position: 'bb' })
  t.equal(progress.quiet('bb'), undefined, 'nothing new')
  t.same(progress.quiet('cc'), { changes: [], position: 'cc' })
})

t.test('what comes again after a break is left out', async (t) => {
  const progress = createProgress('aa')
  progress.open()
  progress.take(told('b1', 'c2', 'c3'))
  t.same(progress.open(), custom('bb'))
  const batch = progress.take(told('c2', 'c3', 'c4', 'd2'))
  t.same(ids(batch), [leadId(4), leadId(2)])
  t.equal(batch?.position, 'cc')
  t.notOk(batch?.missed)
})

t.test('records told of together are counted over responses', async (t) => {
  const progress = createProgress('aa')
  progress.open()
  progress.take(told('b1', 'b2'))
  const batch = progress.take(told('b3', 'c4'))
  t.same(
    (batch?.changes as EventChange[] | undefined)?.map(({ together }) => together),
    [3, undefined],
  )
})

t.test('a first change without a position before it', async (t) => {
  const progress = createProgress(undefined)
  progress.open()
  t.same(progress.take(told('b1')), { changes: [change(1)], position: 'bb+' })
  t.equal(progress.take(told('b2'))?.position, undefined)
  t.same(progress.open(), custom('bb'), 'opened again')
  const batch = progress.take(told('c3'))
  t.equal(batch?.position, 'bb')
  t.ok(batch?.missed)
  t.same(createProgress('bb+').open(), custom('bb'), 'and by another process')
})

t.test('who opens at the end of the stream again has missed what was in between', async (t) => {
  const progress = createProgress(undefined)
  progress.open()
  t.same(progress.open(), { replayPreset: replay.latest })
  t.ok(progress.take(told('b1'))?.missed)
  t.notOk(progress.take(told('c1'))?.missed, 'said once')
})

t.test('a position that means nothing leads to the oldest event, until something was kept', async (t) => {
  const progress = createProgress('aa')
  progress.open()
  progress.rewind()
  t.same(progress.open(), { replayPreset: replay.earliest })
  t.same(progress.open(), { replayPreset: replay.earliest }, 'it broke before anything came')
  const batch = progress.take(told('b1', 'c2'))
  t.equal(batch?.position, 'bb')
  t.ok(batch?.missed)
  t.same(progress.open(), custom('bb'))
  t.same(createProgress('no position').open(), { replayPreset: replay.earliest })
})

t.test('what cannot be read, and what names no record, was missed', async (t) => {
  const progress = createProgress('aa')
  progress.open()
  const unreadable = progress.take([{ replayId: 'bb', change: 'unreadable' }])
  t.same(unreadable, { changes: [], missed: true })
  const wildcard = progress.take([{ replayId: 'cc', change: change(1, { ids: ['00Q*'], type: 'GAP_UPDATE' }) }])
  t.ok(wildcard?.missed)
  t.equal(progress.take([{ replayId: 'cc', change: undefined }]), undefined, 'what concerns others is no change')
})
