/** Reading all Meta lead ids of an account, page by page. */
import t from 'tap'
import { leadIds } from '../../../connectors/hubspot/lead-ids.ts'
import { contextFor, openPortal } from './portal.ts'

t.test('contacts that have one are all read, once, however many there are', async (t) => {
  const hubspot = await openPortal()
  t.teardown(() => hubspot.close())
  const idOf = (n: number) => String(12_345_678_900_000_000n + BigInt(n))
  const wanted = new Map<string, string>()
  for (let n = 0; n < 410; n++) {
    const { id } = hubspot.create({ type: 'contact', properties: n % 2 === 0 ? { meta_lead_id: idOf(n) } : {} })
    if (n % 2 === 0) wanted.set(id, idOf(n))
  }
  const context = contextFor(hubspot)
  const pages = []
  for (let position: string | undefined; pages.length === 0 || position !== undefined; ) {
    const { entries, next } = await leadIds(context, position)
    pages.push(entries)
    position = next
  }
  t.same(
    pages.map((entries) => entries.length),
    [200, 5],
  )
  t.same(new Map(pages.flat().map(({ ref, value }) => [ref.id, value])), wanted)
})
