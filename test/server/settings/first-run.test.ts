import t from 'tap'
import { isShadow, stepsOf } from '../../../server/settings/first-run.ts'

type Facts = Parameters<typeof stepsOf>[0]
const said = (...steps: [string, string][]): Facts['answers'] =>
  new Map(steps.map(([step, answer]) => [step, { answer, by: 'hubspot:606', at: new Date(0) }]))
const done: Facts = {
  findings: [],
  routes: [{ mode: 'live' }],
  rules: { consent: [], optOut: [] },
  mappedStages: 5,
  hasFirstEvent: true,
  hasBackfill: true,
  answers: said(['others', 'no'], ['leads', 'confirmed'], ['consent', 'not_needed'], ['stages', 'confirmed']),
}
const next = (facts: Partial<Facts>) => stepsOf({ ...done, ...facts }).find(({ state }) => state === 'next')

t.test('the first step that is not done comes next, whatever else is', async (t) => {
  t.equal(next({}), undefined)
  const missing = { code: 'view_all', fatal: true, text: 'Give View All.' }
  t.match(next({ findings: [missing, { ...missing, text: 'Also this.' }] }), { step: 'rights', text: 'Give View All. Also this.' })
  t.equal(next({ findings: [{ ...missing, fatal: false }] }), undefined, 'what is no hindrance is none')
  t.match(next({ findings: 'HubSpot does not answer.' }), { step: 'rights', text: 'HubSpot does not answer.' })
  t.match(next({ routes: [] }), { step: 'dataset' })
  t.match(next({ routes: [{ mode: 'shadow' }] }), { step: 'start' })
  t.match(next({ mappedStages: 0 }), { step: 'stages', text: /No stage is mapped/ })
  t.match(next({ answers: said() }), { step: 'others', answers: ['yes', 'no', 'unknown'] })
  const byRule = said(['others', 'no'], ['leads', 'confirmed'], ['consent', 'by_rule'], ['stages', 'confirmed'])
  t.match(next({ answers: byRule }), { step: 'consent', answer: { answer: 'by_rule' } }, 'a rule that was promised has to be there')
  t.equal(next({ answers: byRule, rules: { consent: [{ field: 'agreed', equals: 'yes' }], optOut: [] } }), undefined)
  t.match(next({ hasBackfill: false }), { step: 'backfill', answers: ['skipped'] })
  t.equal(stepsOf({ ...done, routes: [] }).filter(({ state }) => state === 'next').length, 1)
})

t.test('whoever wants to stay in shadow mode for now has nothing left to do, until a route is live', async (t) => {
  const fresh = { hasFirstEvent: false, hasBackfill: false }
  const answers = new Map([...done.answers, ...said(['start', 'shadow'])])
  const routes = [{ mode: 'shadow' as const }]
  t.match(next({ ...fresh, routes }), { step: 'start', answers: ['shadow'] })
  t.equal(next({ ...fresh, routes, answers }), undefined)
  t.ok(isShadow({ routes, answers }))
  t.match(
    stepsOf({ ...done, ...fresh, routes, answers }).find(({ step }) => step === 'start'),
    { state: 'done', text: /shadow mode/ },
  )
  t.match(next({ ...fresh, routes, answers: said(['start', 'shadow']) }), { step: 'others' }, 'what comes before is still to be done')
  t.match(next({ ...fresh, answers }), { step: 'first_event' }, 'once it is live')
  t.notOk(isShadow({ routes: [...routes, { mode: 'live' }], answers }))
  t.match(next({ ...fresh, routes: [], answers }), { step: 'dataset' }, 'without a route nothing is tried out')
})
