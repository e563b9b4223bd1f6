/**
 * The server is killed again and again while the CRM sends: nothing that was acknowledged is lost, and nothing is counted
 * twice but what Meta had taken when the process died before it could write that down.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { DATASET, PUBLIC_URL, testApp, until } from '../support/app.ts'
import { count, ledger, tallied } from '../support/look.ts'
import { seeded } from '../support/numbers.ts'

const KILLS = 10
const STAGES = ['marketingqualifiedlead', 'opportunity', 'customer']
const main = join(import.meta.dirname, '../../server/main.ts')

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

t.test('killed at random instants', async (t) => {
  const { seed, random } = seeded()
  t.comment(`seed ${seed} (SEED=${seed} repeats it)`)
  const it = await testApp(t, { launch: false })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  it.hubspot.webhooks({
    targetUrl: `${url}/webhooks/hubspot`,
    publicUrl: `${PUBLIC_URL}/webhooks/hubspot`,
    timeoutMs: 1_000,
    windowMs: 10,
    // The 24 hours of the real sender's patience, pressed into less than one minute.
    retries: 14,
    retryScale: 5e-4,
  })

  let child: ChildProcess | undefined
  const errors: string[] = []
  t.teardown(() => child?.kill('SIGKILL'))
  const start = async () => {
    child = spawn(process.execPath, [main], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env.PATH,
        PORT: String(port),
        PUBLIC_URL,
        DATABASE_URL: it.databaseUrl,
        ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
        HUBSPOT_APP_ID: String(it.hubspot.app.appId),
        HUBSPOT_CLIENT_ID: it.hubspot.app.clientId,
        HUBSPOT_CLIENT_SECRET: it.hubspot.app.clientSecret,
        HUBSPOT_API_URL: it.hubspot.url,
        META_GRAPH_URL: it.meta.url,
        META_TIMEOUT_MS: '1000',
        LOG_LEVEL: 'error',
      },
    })
    child.stderr?.on('data', (text) => errors.push(String(text)))
    await until(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200, 30_000)
  }
  await start()

  let leads = 0
  let changes = 0
  let over = false
  const walking = (async () => {
    while (!over) {
      leads += 1
      const { id } = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: String(100_000_000_000_000 + leads) } })
      for (const stage of STAGES) {
        await sleep(1 + random() * 20)
        it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: stage } })
        changes += 1
      }
    }
  })()

  let takenUnseen = 0
  let seen = 0
  for (let kills = 0; kills < KILLS; kills++) {
    await sleep(50 + random() * 1_000)
    const died = once(child as ChildProcess, 'exit')
    child?.kill('SIGKILL')
    await died
    await sleep(50)
    // What Meta took since the last death and our books do not know: it is sent again, the one double that a death can cause.
    const events = it.meta.events()
    const pending = new Set((await ledger(it.db)).flatMap(({ outcome, eventId }) => (outcome === 'pending' ? eventId : [])))
    takenUnseen += events.slice(seen).filter(({ eventId }) => pending.has(eventId ?? '')).length
    seen = events.length
    await start()
  }
  over = true
  await walking
  const stats = await it.hubspot.idle()
  await until(async () => (await count(it.db, 'packet')) + (await count(it.db, 'outbox')) === 0, 45_000)

  t.equal(stats.failed, 0, 'the CRM has given nothing up')
  const lines = await ledger(it.db)
  const reached = lines.filter(({ stage }) => stage !== 'raw_lead').map(({ recordId, stage }) => `${recordId} ${stage}`)
  t.equal(reached.length, changes, 'every change is in the ledger')
  t.equal(new Set(reached).size, changes, 'once')
  t.strictSame([...new Set(lines.map(({ outcome }) => outcome))], ['sent'])
  const summary = it.meta.summary().datasets[DATASET]
  t.match(summary, { distinct: changes + leads, distinctEventIds: changes + leads })
  const doubled = summary?.doubled ?? 0
  t.equal(doubled, summary?.doubledById, 'a double has the id of the first')
  const counted = (await tallied(it.db, 'possible_doubles.timeout')) + (await tallied(it.db, 'possible_doubles.short_count'))
  t.ok(doubled <= takenUnseen + counted, `${doubled} doubled, ${takenUnseen} taken unseen, ${counted} counted`)
  t.comment(
    `kills ${KILLS}, leads ${leads}, changes ${changes}, requests repeated by the CRM ${stats.retried}, sent ${changes + leads}, doubled ${doubled}, taken unseen ${takenUnseen}`,
  )
  t.strictSame(
    errors.filter((text) => !text.includes('Leadstage listens') && !text.includes('Next:')),
    [],
  )
})
