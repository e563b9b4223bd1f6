/** Reviewers find a workspace with something in it. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { envOf } from '../server/command-line/run.ts'
import { testApp } from '../support/app.ts'

const DATASET = '700000000000801'
const TOKEN = 'EAAreviewtoken0000000000000000801'

t.test('one command makes a workspace with sample leads, of which Meta hears nothing', async (t) => {
  const it = await testApp(t, { meta: { datasets: [{ id: DATASET, tokens: [TOKEN] }] } })
  const env = envOf({ databaseUrl: it.databaseUrl, hubspot: it.hubspot, meta: it.meta, publicUrl: it.url })
  const child = spawn(process.execPath, [join(import.meta.dirname, 'reviewer-workspace.ts'), '--dataset', DATASET], {
    env: { PATH: process.env.PATH, ...env },
  })
  child.stdin.end(TOKEN)
  const [said, complaints] = await Promise.all([text(child.stdout), text(child.stderr)])
  t.equal(complaints, '')
  t.match(said, /^Workspace "Review" \(\d+\) is there, with connection \d+ and 26 changes of invented people:$/m)
  for (const outcome of ['route_shadow', 'already_reached', 'stage_off', 'too_old', 'waiting_for_lead']) t.match(said, `(${outcome})`)
  t.match(said, /^ {2}hubspot: http:\/\/127\.0\.0\.1:\d+\/connect\/\S+$/m)
  t.notMatch(said, /salesforce: http/, 'this server is not set up for it')
  t.strictSame(it.meta.events({ dataset: DATASET }), [], 'its route is in shadow')
})
