import t from 'tap'
import { progressLine } from '../../../server/command-line/backfill-progress.ts'
import type { BackfillView } from '../../../server/settings/backfills.ts'
import { PORTAL, testApp, until } from '../../support/app.ts'
import { DAY, people } from '../backfill/sharing.ts'
import { sent, silence } from '../resolve/sharing.ts'
import { envOf, run, runAtTerminal } from './run.ts'

t.test('a backfill is tried out, told, confirmed and followed from the command line', async (t) => {
  const it = await testApp(t)
  silence(it)
  const env = envOf(it)
  people(it, 3, Date.now() - DAY)
  const start = ['backfill', 'start', '--connection', String(it.connectionId)]

  const tried = await run(start, { env })
  t.match(tried, { code: 0, stderr: /dry run: \d+ records read/ })
  t.match(tried.stdout, /It read 3 records with 9 stages; 0 could not be read/)
  t.match(tried.stdout, /^6 +stage +to be sent/m)
  t.match(tried.stdout, /^3 +new lead +to be sent/m)
  t.match(tried.stdout, /^3 +stage +suppressed +already_reached +This lead reached/m)
  t.match(tried.stdout, /Nothing has been sent. To send it: backfill resume 1\n$/)
  t.strictSame(sent(it), [])

  t.match(await run(['backfill', 'resume', '1'], { env }), { code: 0, stdout: 'Backfill 1 is "running".\n' })
  const watched = await run(['backfill', 'show', '1', '--watch'], { env })
  t.match(watched, { code: 0, stdout: /Backfill 1 of connection 1, .* is "done".\ndone, 3 of 3 records read/ })
  await it.settled()
  t.equal(sent(it).length, 9)
  const shown = JSON.parse((await run(['backfill', 'show', '1', '--json'], { env })).stdout)
  t.match(shown, { state: 'done', records: 3, remainingMs: null, counts: [{ outcome: 'sent', rawLead: false, count: 6 }, {}, {}] })

  people(it, 1, Date.now() - DAY, 104_000_000_000_000)
  const both = await run([...start, '--days', '2', '--yes', '--json'], { env })
  t.match(JSON.parse(both.stdout), { id: 2, state: 'done', forecast: { records: 4 }, records: 4 })
  t.notMatch(both.stderr, /records read/, 'as JSON no progress is shown')
  await it.settled()
  t.equal(sent(it).length, 12, 'only the new one was sent')

  t.match((await run(['backfill', 'list'], { env })).stdout, /^2 +1 .* done +4 +4 /m)
  const fails = async (words: RegExp, ...args: string[]) => t.match(await run(args, { env }), { code: 1, stdout: '', stderr: words })
  await fails(/There is no backfill 9/, 'backfill', 'show', '9')
  await fails(/is "done"/, 'backfill', 'pause', '1')
  await fails(/is "done"/, 'backfill', 'cancel', '1')
  await fails(/1 to 7 days/, ...start, '--days', '8')
})

t.test('at a terminal one line is drawn over and over, up to a full bar', async (t) => {
  const it = await testApp(t)
  silence(it)
  people(it, 2, Date.now() - DAY)
  const { code, stdout } = await runAtTerminal(['backfill', 'start', '--connection', String(it.connectionId), '--yes'], envOf(it))
  t.equal(code, 0)
  const drawn = stdout.split('\r\u001b[K')
  t.ok(drawn.length > 2, 'drawn more than once')
  t.match(drawn.at(-1), /^\[#{24}\] 100 %, 2 of 2 records read, .* sent\r?\n/)
})

t.test('what was held back is counted, judged again on request, and told afterwards', async (t) => {
  const it = await testApp(t)
  const env = envOf(it)
  it.hubspot.create({ portalId: PORTAL, type: 'contact', properties: { lifecyclestage: 'evangelist', meta_lead_id: '101234567890123' } })
  await it.settled()
  const reevaluate = ['record', 'reevaluate', '--connection', '1']
  t.match(await run([...reevaluate, '--result'], { env }), { code: 1, stderr: /has been judged again yet/ })
  const counted = await run(reevaluate, { env })
  t.match(counted.stdout, /^1 +stage +suppressed +stage_unmapped +The stage/m)
  t.match(counted.stdout, /repeat the command with --yes/)
  t.match(await run([...reevaluate, '--yes'], { env }), { code: 0, stdout: /^1 changes are judged again/ })
  await until(async () => /suppressed +stage_unmapped/.test((await run([...reevaluate, '--result'], { env })).stdout))
  t.match(await run([...reevaluate, '--reason', 'stage_off', '--yes'], { env }), { code: 1, stderr: /held back for that reason/ })
})

t.test('one line says how far a backfill is', async (t) => {
  const view = (change: Partial<BackfillView>) =>
    ({
      ...{ state: 'running', records: 30, remainingMs: null, errorText: null, hindrance: null, counts: [] },
      ...{ forecast: { records: 120, stages: 0, refused: 0, counts: [] } },
      ...change,
    }) as unknown as BackfillView
  const counts = [
    { outcome: 'sent' as const, reason: null, rawLead: false, count: 7 },
    { outcome: 'pending' as const, reason: null, rawLead: true, count: 2 },
    { outcome: 'suppressed' as const, reason: 'too_old', rawLead: true, count: 1 },
  ]
  t.equal(progressLine(view({ state: 'planned' })), 'waiting to be taken up')
  t.equal(progressLine(view({ state: 'dry_running', forecast: null })), 'dry run: 0 records read')
  t.equal(progressLine(view({ counts })), 'running, 30 of 120 records read, 2 events queued, 7 sent')
  t.equal(
    progressLine(view({ counts, remainingMs: 61_000 }), { bar: true }),
    '[######------------------] 25 %, 30 of 120 records read, 2 events queued, 7 sent, 2 min left',
  )
  t.match(progressLine(view({ records: 130 }), { bar: true }), /^\[#{24}\] 100 %, 130 of 130/, 'more may come up than the dry run saw')
  t.match(progressLine(view({ errorText: 'Slow\ndown.' })), /^running, .* \(it is tried again: Slow down\.\)$/)
  t.match(progressLine(view({ hindrance: 'outbox' })), / 0 sent \(it waits: a dataset has many events to send/)
  t.match(progressLine(view({ hindrance: 'inbox' })), /^running, .* 0 sent$/)
  t.match(progressLine(view({ state: 'paused', errorText: 'Slow down.' })), /^paused, .* 0 sent$/)
})
