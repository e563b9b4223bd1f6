/** Pushes and history of one change are one, whatever the order, the batches and the repeats in which they come. */
import fc from 'fast-check'
import t from 'tap'
import { type Account, type Known, matchAccounts } from '../../../server/resolve/match-accounts.ts'

const TOLERANCE = 5_000
const RUNS = 2_000
const push = (occurredAt: number): Account => ({ occurredAt, origin: 'push' })
const read = (occurredAt: number): Account => ({ occurredAt, origin: 'history' })

/** The books of one record and stage after these batches. */
function keep(batches: readonly (readonly Account[])[]): Known[] {
  let known: Known[] = []
  for (const batch of batches) {
    const { fresh, joined } = matchAccounts(known, batch, TOLERANCE)
    const twins = new Map(joined.map((one) => [`${one.origin} ${one.occurredAt}`, one]))
    known = [...known.map((one) => twins.get(`${one.origin} ${one.occurredAt}`) ?? one), ...fresh]
  }
  return known.toSorted((a, b) => a.occurredAt - b.occurredAt)
}
const times = (...batches: Account[][]) => keep(batches).map(({ occurredAt }) => occurredAt)

t.test('the first account in gives the change its time', async (t) => {
  t.same(times([push(1_000)], [read(3_000)]), [1_000])
  t.same(times([read(3_000)], [push(1_000)]), [3_000])
  t.same(times([push(1_000), read(3_000)]), [1_000], 'together, what was told')
  t.same(times([push(1_000)], [read(6_001)]), [1_000, 6_001], 'beyond the tolerance they are two')
})

t.test('two changes stay two, however near', async (t) => {
  t.same(times([push(1_000)], [push(1_001)]), [1_000, 1_001], 'both told')
  t.same(times([read(1_000), read(1_001)]), [1_000, 1_001], 'both read')
  t.same(times([push(1_000), push(1_001)], [read(1_002), read(1_003)]), [1_000, 1_001])
  t.same(times([push(1_000)], [read(1_000)], [read(1_003)]), [1_000, 1_003], 'one told, the other lost on the way')
  t.same(times([push(1_003)], [read(1_000), read(1_003)]), [1_000, 1_003], 'what fits to the millisecond goes first')
})

t.test('repeats change nothing, by whichever time', async (t) => {
  const both = [push(1_000), read(3_000)]
  t.same(keep([both, both, [read(3_000)], [push(1_000)], both.toReversed()]), [{ ...push(1_000), twin: 3_000 }])
})

const batchesOf = (accounts: fc.Arbitrary<Account[]>) =>
  accounts.chain((list) =>
    fc
      .tuple(
        fc.shuffledSubarray([...list, ...list], { minLength: list.length }),
        fc.array(fc.integer({ min: 0, max: 2 * list.length }), { maxLength: 4 }),
      )
      .map(([some, cuts]) => {
        const all = [...some, ...list] // every account comes at least once, many twice
        const bounds = [0, ...cuts.toSorted((a, b) => a - b), all.length]
        return bounds.slice(1).map((end, index) => all.slice(bounds[index], end))
      }),
  )

t.test('property: changes that lie apart are each kept once, by one of their own times', async (t) => {
  const change = fc.record({
    lag: fc.integer({ min: -TOLERANCE, max: TOLERANCE }),
    heard: fc.constantFrom<('push' | 'history')[]>(['push'], ['history'], ['push', 'history']),
  })
  const scene = fc.array(change, { maxLength: 8 }).chain((changes) => {
    const accounts = changes.map(({ lag, heard }, index) =>
      heard.map((origin): Account => ({ origin, occurredAt: index * (3 * TOLERANCE + 1) + (origin === 'history' ? lag : 0) })),
    )
    return fc.tuple(fc.constant(accounts), batchesOf(fc.constant(accounts.flat())))
  })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(scene, ([changes, batches]) => {
        const kept = keep(batches)
        if (kept.length !== changes.length) return false
        return changes.every((accounts, index) => accounts.some(({ occurredAt }) => occurredAt === kept[index]?.occurredAt))
      }),
      { numRuns: RUNS },
    ),
  )
})

t.test('property: crowded or not, every account belongs to exactly one change, with at most one of the other kind, near by', async (t) => {
  const account = fc.record({
    occurredAt: fc.integer({ min: 0, max: 4 * TOLERANCE }).map((at) => at - (at % 500)),
    origin: fc.constantFrom('push' as const, 'history' as const),
  })
  const accounts = fc.uniqueArray(account, { maxLength: 12, selector: ({ occurredAt, origin }) => `${origin} ${occurredAt}` })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        accounts.chain((list) => fc.tuple(fc.constant(list), batchesOf(fc.constant(list)))),
        ([list, batches]) => {
          const kept = keep(batches)
          const owned = kept.flatMap(({ origin, occurredAt, twin }) => [
            `${origin} ${occurredAt}`,
            ...(twin === undefined ? [] : [`${origin === 'push' ? 'history' : 'push'} ${twin}`]),
          ])
          const near = kept.every(({ occurredAt, twin }) => twin === undefined || Math.abs(twin - occurredAt) <= TOLERANCE)
          return (
            near &&
            owned.toSorted().join() ===
              list
                .map(({ origin, occurredAt }) => `${origin} ${occurredAt}`)
                .toSorted()
                .join()
          )
        },
      ),
      { numRuns: RUNS },
    ),
  )
})

t.test('property: what comes in one batch is matched as well as it can be', async (t) => {
  const instants = fc.uniqueArray(fc.integer({ min: 0, max: 3 * TOLERANCE }), { maxLength: 5 })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(instants, instants, (told, seen) => {
        const kept = keep([[...told.map(push), ...seen.map(read)]])
        // As many pairs as the same greedy walk over both lists makes, of what does not fit to the millisecond.
        const [a, b] = [told, seen].map((one, index) => one.filter((at) => !(index === 0 ? seen : told).includes(at)).sort((x, y) => x - y))
        let pairs = told.filter((at) => seen.includes(at)).length
        for (let i = 0, j = 0; a && b && i < a.length && j < b.length; ) {
          const gap = (b[j] as number) - (a[i] as number)
          if (Math.abs(gap) <= TOLERANCE) {
            pairs++
            i++
            j++
          } else if (gap > 0) i++
          else j++
        }
        return kept.length === told.length + seen.length - pairs
      }),
      { numRuns: RUNS },
    ),
  )
})
