import fc from 'fast-check'
import t from 'tap'
import { type Candidate, choosePerson } from '../../../connectors/hubspot/choose-person.ts'

const usual = ['primary', 'lead_id', 'oldest'] as const
const candidate = (id: string, change: Partial<Candidate> = {}): Candidate => ({
  id,
  primary: false,
  hasLeadId: false,
  createdAt: 100,
  ...change,
})

const cases: { title: string; candidates: Candidate[]; steps: readonly (typeof usual)[number][]; chosen: string | undefined }[] = [
  { title: 'nobody', candidates: [], steps: usual, chosen: undefined },
  { title: 'the only one', candidates: [candidate('1')], steps: [], chosen: '1' },
  {
    title: 'the primary one before one with a lead id',
    candidates: [candidate('1', { hasLeadId: true }), candidate('2', { primary: true, createdAt: 200 })],
    steps: usual,
    chosen: '2',
  },
  {
    title: 'the one with a lead id where no link is primary',
    candidates: [candidate('1'), candidate('2', { hasLeadId: true, createdAt: 200 })],
    steps: usual,
    chosen: '2',
  },
  {
    title: 'the oldest where nothing else tells',
    candidates: [candidate('1', { createdAt: 200 }), candidate('2')],
    steps: usual,
    chosen: '2',
  },
  { title: 'the smaller id of equally old ones', candidates: [candidate('10'), candidate('9')], steps: usual, chosen: '9' },
  {
    title: 'one with a known age before one without',
    candidates: [candidate('1', { createdAt: undefined }), candidate('2')],
    steps: usual,
    chosen: '2',
  },
  {
    title: 'the oldest of several primary ones',
    candidates: [candidate('1'), candidate('2', { primary: true, createdAt: 300 }), candidate('3', { primary: true, createdAt: 200 })],
    steps: ['primary', 'oldest'],
    chosen: '3',
  },
  {
    title: 'steps in the order of the setting',
    candidates: [candidate('1', { hasLeadId: true }), candidate('2', { primary: true })],
    steps: ['lead_id', 'primary'],
    chosen: '1',
  },
  {
    title: 'nobody where the steps leave several',
    candidates: [candidate('1'), candidate('2')],
    steps: ['primary', 'lead_id'],
    chosen: undefined,
  },
  {
    title: 'nobody of several where there are no steps',
    candidates: [candidate('1', { primary: true }), candidate('2')],
    steps: [],
    chosen: undefined,
  },
]
for (const { title, candidates, steps, chosen } of cases)
  t.test(`the choice falls on ${title}`, async (t) => {
    t.equal(choosePerson(candidates, [...steps])?.id, chosen)
  })

t.test('the order of the candidates makes no difference', async () => {
  const one = fc.record({
    id: fc.bigInt({ min: 1n, max: 10n ** 12n }).map(String),
    primary: fc.boolean(),
    hasLeadId: fc.boolean(),
    createdAt: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  })
  fc.assert(
    fc.property(
      fc.uniqueArray(one, { selector: ({ id }) => id, maxLength: 6 }),
      fc.shuffledSubarray([...usual]),
      fc.nat(),
      (candidates, steps, seed) => {
        const turned = candidates.map((_, index) => candidates[(index + seed) % candidates.length] as Candidate)
        return choosePerson(candidates, steps)?.id === choosePerson(turned.reverse(), steps)?.id
      },
    ),
  )
})
