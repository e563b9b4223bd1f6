/** Figures on the command line. */
import { sql } from 'kysely'
import t from 'tap'
import { DATASET, testApp } from '../../support/app.ts'
import { roll } from '../figures/roll.ts'
import { envOf, run } from './run.ts'

t.test('figures are shown, stages judged, and steps ticked', async (t) => {
  const it = await testApp(t)
  for (let n = 0; n < 3; n++) {
    const properties = { lifecyclestage: n === 0 ? 'customer' : 'lead', meta_lead_id: `10000000000000${n}`, email: `lead${n}@example.com` }
    it.hubspot.create({ type: 'contact', properties })
  }
  await it.settled()
  await roll(it.db)
  await sql`update workspace set name = 'Acme'`.execute(it.db)
  const env = envOf(it)
  const works = async (line: string) => {
    const ran = await run(line.split(' '), { env })
    t.same([ran.code, ran.stderr], [0, ''], line)
    return ran.stdout
  }

  const byEvent = await works('figures show --workspace Acme --by event')
  t.match(byEvent, /^\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d \(UTC\), (as of \d{4}|nothing has been counted yet)/)
  t.match(byEvent, /No Facebook page is connected.*Of 3 that came to the CRM, 3 had an event sent \(100 %\)\.\n\n/)
  t.match(byEvent, /\nRaw Lead +3 +3 +3 +0 +\d\nConverted +1 +1 +1 +0 +\d\n$/)
  t.match(await works('figures show --workspace Acme'), /\nall +3 +3 +4 +0 +\d\n$/)
  t.match(await works('figures show --workspace Acme --by key'), /\nMeta lead id +3 +4 +100 %\n/)
  t.match(JSON.parse(await works('figures show --workspace Acme --days 2 --by ad --json')), {
    by: 'ad',
    coverage: { basis: 'seen', share: 1 },
    lines: [{ value: '', name: 'not known', leads: 3, sent: 4 }],
  })

  const stages = await works('figures stages --workspace Acme')
  t.match(stages, /^0 leads of .* have all had 28 days\n\nstage +in 28 days/)
  t.match(stages, /\nConverted +0 +- +- +- +0 +too little data +too little data\n/)
  t.match(stages, /\nmet: +2 stages were reported/)
  t.match(stages, /There is not enough data yet: 0 leads have had the 28 days/)

  t.match(
    await works('figures way --workspace Acme'),
    new RegExp(`^Dataset ${DATASET}: day 1 of about 60\ndone +Meta has accepted .*\nTO DO +.*seen in`),
  )
  t.equal(await works(`figures tick ${DATASET} --step seen --workspace Acme`), 'The step "seen" is ticked now.\n')
  t.match(JSON.parse(await works('figures way --workspace Acme --json')), [
    { metaId: DATASET, day: 1, steps: [{ state: 'done' }, { tick: { by: 'operator' } }] },
  ])

  t.match(await run(['figures', 'tick', DATASET, '--step', 'accepted'], { env }), { code: 2, stderr: /Allowed choices are seen/ })
})
