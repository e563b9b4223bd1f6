import t from 'tap'
import { funnel, planWalk } from './funnel.ts'
import { metaLeadId, person } from './people.ts'

t.test('the walk takes as many leads to each stage as the funnel says', async (t) => {
  const steps = planWalk()
  t.equal(steps.length, 215)
  for (const [stage, leads] of funnel.entries()) {
    t.equal(new Set(steps.filter((step) => step.stage === stage).map(({ lead }) => lead)).size, leads, `stage ${stage}`)
  }
})

t.test('a lead goes through its stages in order, none left out, each at a later millisecond', async (t) => {
  for (const [lead, steps] of Map.groupBy(planWalk(), (step) => step.lead)) {
    t.same(
      steps.map(({ stage }) => stage),
      steps.map((_, index) => index),
      `lead ${lead}`,
    )
    for (const [index, step] of steps.entries()) t.ok(index === 0 || step.after > (steps[index - 1]?.after as number))
  }
})

t.test('lead ids are all different, have 15 to 17 digits, and most do not survive a floating-point number', async (t) => {
  const ids = Array.from({ length: 200 }, (_, index) => metaLeadId(index))
  t.equal(new Set(ids).size, 200)
  t.ok(ids.every((id) => /^\d{15,17}$/.test(id)))
  t.equal(ids.filter((id) => String(Number(id)) !== id).length, 133)
})

t.test('no two people share an e-mail address, a phone number or a name', async (t) => {
  const people = Array.from({ length: 200 }, (_, index) => person(index))
  for (const key of ['email', 'phone'] as const) t.equal(new Set(people.map((one) => one[key])).size, 200, key)
  t.equal(new Set(people.map(({ firstname, lastname }) => `${firstname} ${lastname}`)).size, 200)
})
