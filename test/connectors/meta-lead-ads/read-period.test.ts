import t from 'tap'
import type { ConnectionContext } from '../../../connectors/connector.ts'
import { lookup } from '../../../connectors/meta-lead-ads/lookup.ts'
import { normalise } from '../../../connectors/meta-lead-ads/normalise.ts'
import { readPeriod } from '../../../connectors/meta-lead-ads/read-period.ts'
import { ad, FORM, openPage, PAGE } from './page.ts'

const from = Date.parse('2026-11-20T08:00:00Z')
const to = from + 3_600_000
const answers = { email: 'ana@example.com' }

/** All pages, as they come back from storage. */
async function readAll(context: ConnectionContext, between?: (position: string) => void) {
  const changes: unknown[] = []
  let pages = 0
  let next: string | undefined
  do {
    const page = await readPeriod(context, { from, to }, next)
    changes.push(...JSON.parse(JSON.stringify(page.changes)))
    pages++
    next = page.next
    if (next !== undefined) between?.(next)
  } while (next !== undefined)
  return { signals: normalise(changes), pages }
}
const idsOf = ({ signals }: Awaited<ReturnType<typeof readAll>>) => signals.map(({ ref }) => ref.id).sort()

t.test('the leads of a period are found, of all forms and pages of answers, and no others', async (t) => {
  const { meta, context } = await openPage(t)
  const other = meta.leadAds.addForm({ page: PAGE, name: 'Newsletter' }).id
  meta.leadAds.addForm({ page: PAGE, name: 'Nobody came' })
  const within = [from, from + 1, ...Array.from({ length: 230 }, (_, n) => from + 10_000 + n), to - 1]
  const ids = within.map((at, n) => meta.leadAds.submit({ form: n % 7 === 0 ? other : FORM, at, ad, answers }).id)
  for (const at of [from - 1, to, to + 60_000]) meta.leadAds.submit({ form: FORM, at, ad, answers })
  const read = await readAll(context)
  t.same(idsOf(read), ids.toSorted())
  t.equal(read.pages, 3, 'two pages of one form, one of the other')
  t.equal(meta.leadAds.graphReads().length, 4, 'and the list of forms; a form without leads is not asked')
})

t.test('a lead that was read shows itself as it would be looked up', async (t) => {
  const { meta, context } = await openPage(t, { ruleFields: ['terms'] })
  const { id } = meta.leadAds.submit({ form: FORM, at: from + 1_000, ad, answers, consents: { terms: true } })
  const { signals } = await readAll(context)
  const [snapshot] = await lookup(context, [{ ref: { type: 'lead', id }, history: false }])
  t.same(signals, [{ kind: 'shown', ref: { type: 'lead', id }, occurredAt: from + 1_000, snapshot }])
})

t.test('forms that go while they are read hold up nobody', async (t) => {
  const { meta, context } = await openPage(t)
  const forms = [FORM, ...Array.from({ length: 2 }, () => meta.leadAds.addForm({ page: PAGE }).id)]
  const ids = forms.map((form) => meta.leadAds.submit({ form, at: from, ad, answers }).id)
  const read = await readAll(context, () => meta.leadAds.removeForm({ id: forms[2] as string }))
  t.same(idsOf(read), ids.slice(0, 2).sort())
})

t.test('a page without forms has nothing, and a position of another release is read as none', async (t) => {
  const { meta, context } = await openPage(t)
  meta.leadAds.removeForm({ id: FORM })
  t.same(await readPeriod(context, { from, to }, undefined), { changes: [], records: 0 })
  meta.leadAds.addForm({ page: PAGE, id: FORM })
  meta.leadAds.submit({ form: FORM, at: from, ad, answers })
  for (const position of ['', '{}', 'of another release'])
    t.match(await readPeriod(context, { from, to }, position), { records: 1 }, position)
})

t.test('what was reported means that the lead is there to be read', async (t) => {
  t.same(normalise([{ id: '123456789012345', at: 7 }]), [{ kind: 'seen', ref: { type: 'lead', id: '123456789012345' }, occurredAt: 7 }])
  t.same(normalise([{ id: '12', at: 7, snapshot: { found: true, ref: { type: 'lead', id: '13' } } }]), [
    { kind: 'seen', ref: { type: 'lead', id: '12' }, occurredAt: 7 },
  ])
  t.same(normalise([null, 7, {}, { id: 12, at: 7 }, { id: '12', at: 1e300 }, { id: '12' }]), [])
})
