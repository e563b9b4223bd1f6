import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { until } from '../support/app.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

/** Starts the demo with a folder for temporary files of its own, so that what it leaves behind is seen. */
async function startDemo(t: Test, args: string[], env: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'leadstage-demo-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, TMPDIR: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  return { child, folder, ended, stdout: text(child.stdout), stderr: text(child.stderr) }
}

/** Resolves when the demo has printed this word. */
async function printed(child: ChildProcess, word: string): Promise<void> {
  let seen = ''
  await new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk) => {
      seen += chunk
      if (seen.includes(word)) resolve()
    })
  })
}

t.test('every change arrives once and correct, and the result is one JSON object', async (t) => {
  const demo = await startDemo(t, ['--exit', '--json'])
  t.equal(await demo.ended, 0, 'ends well')
  const summary = JSON.parse(await demo.stdout)
  t.match(summary, {
    changes: 430,
    sent: 430,
    received: 430,
    lost: 0,
    doubled: 0,
    unexpected: 0,
    wrong: 0,
    sources: {
      'Instant forms': { changes: 200, received: 200 },
      HubSpot: { changes: 115, received: 115 },
      Salesforce: { changes: 115, received: 115 },
    },
    problems: [],
  })
  t.same(
    summary.stages
      .map(
        ({ source, eventName, received }: { source: string; eventName: string; received: number }) => `${source}: ${received} ${eventName}`,
      )
      .sort(),
    [
      'HubSpot: 15 Converted',
      'HubSpot: 30 Sales Opportunity',
      'HubSpot: 70 Marketing Qualified Lead',
      'Instant forms: 200 Raw Lead',
      'Salesforce: 15 Converted',
      'Salesforce: 30 Sales Opportunity',
      'Salesforce: 70 Qualified Lead',
    ],
  )
  t.equal(summary.told['Instant forms'].events - summary.told['Instant forms'].repeated, 200, 'all leads began at Meta')
  t.ok(summary.told.HubSpot.repeated > 0, 'some webhooks came twice')
  t.ok(summary.told.Salesforce.repeated > 0, 'and some events of the stream')
  t.ok(summary.delayMs.p50 > 0 && summary.delayMs.p99 >= summary.delayMs.p50)
  t.equal(await demo.stderr, '')
  t.same(await readdir(demo.folder), [], 'nothing is left behind')
})

t.test('a change that HubSpot never tells of is missed, and the demo says so', async (t) => {
  const demo = await startDemo(t, ['--exit', '--json'], { DEMO_LOSE_LAST_WEBHOOK: '1' })
  t.equal(await demo.ended, 1)
  const { changes, received, lost, doubled } = JSON.parse(await demo.stdout)
  t.ok(lost >= 1)
  t.match({ changes, received, doubled }, { changes: 430, received: 430 - lost, doubled: 0 })
  t.match(await demo.stderr, /Converted of lead \d+ was lost/)
})

t.test('a server that does not start is told with its last words', async (t) => {
  // Without any programs to call, PostgreSQL cannot be launched.
  const demo = await startDemo(t, ['--exit', '--json'], { PATH: '/nonexistent' })
  t.equal(await demo.ended, 1)
  t.equal(await demo.stdout, '')
  t.match(await demo.stderr, /The server is gone: it ended with code 1[\s\S]*PostgreSQL/)
  t.same(await readdir(demo.folder), [])
})

t.test('told to stop in the middle, it ends all it started and removes its folder', async (t) => {
  const demo = await startDemo(t, [])
  await printed(demo.child, 'connects')
  demo.child.kill('SIGTERM')
  t.equal(await demo.ended, 143)
  t.same(await readdir(demo.folder), [])
})

t.test('when it is killed, the server notices, stops its PostgreSQL and removes the folder', async (t) => {
  const demo = await startDemo(t, [])
  await printed(demo.child, 'connects')
  demo.child.kill('SIGKILL')
  await demo.ended
  const [name = 'gone already'] = await readdir(demo.folder)
  await until(() => !existsSync(join(demo.folder, name)), 120_000)
  t.same(await readdir(demo.folder), [])
})
