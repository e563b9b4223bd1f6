/** The one process is told to end and started anew, again and again under load: nothing is lost or doubled. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { testApp } from '../support/app.ts'
import { counted } from '../support/counted.ts'
import { seeded } from '../support/numbers.ts'
import { serverProcess } from '../support/server-process.ts'
import { startTraffic, untilDelivered } from './traffic.ts'

const DEPLOYS = process.env.FULL ? 30 : 4

t.test('a deploy under load', async (t) => {
  const { seed, random } = seeded()
  t.comment(`seed ${seed} (SEED=${seed} repeats it)`)
  const it = await testApp(t, { launch: false })
  const server = await serverProcess(t, it)
  await server.start()
  const traffic = startTraffic(t, it, server.url, random)
  await untilDelivered(it)
  const recoveryMs: number[] = []
  for (let deploys = 0; deploys < DEPLOYS; deploys++) {
    await sleep(200 + random() * 1_000)
    await server.stop()
    await server.start()
    // The start itself is the machine's matter: from here on it could work.
    recoveryMs.push(await untilDelivered(it))
  }
  const { repeated, ...counts } = await traffic.end()
  counted(t, [19], { restarts: DEPLOYS, ...counts, recoveryMs, note: `requests repeated by the CRM ${repeated}` })
  t.strictSame(server.complaints(), [])
})
