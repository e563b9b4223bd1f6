/** Traffic that does not let up: leads that walk down a funnel, told by a CRM that repeats what was not acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { DATASET, PUBLIC_URL, type TestApp, until } from '../support/app.ts'
import { count, ledger, tallied } from '../support/look.ts'

const STAGES = ['marketingqualifiedlead', 'opportunity', 'customer']

export interface Traffic {
  /**
   * Ends it once everything has arrived, and looks whether it is all there, once; but for events that the server has counted as
   * possible doubles, and for so many that it could not count.
   */
  end(uncounted?: number): Promise<{ eventsIn: number; eventsOut: number; lost: number; doubled: number; repeated: number }>
}

/** Begins at once, and ends with the test at the latest. @param url where the CRM sends to */
export function startTraffic(t: Test, it: TestApp, url: string, random: () => number): Traffic {
  it.hubspot.webhooks({
    targetUrl: `${url}/webhooks/hubspot`,
    publicUrl: `${PUBLIC_URL}/webhooks/hubspot`,
    ...{ timeoutMs: 5_000, windowMs: 50, retries: 10_000, retryEveryMs: 1_000 },
  })
  let leads = 0
  let changes = 0
  let over = false
  t.teardown(() => {
    over = true
  })
  const walking = (async () => {
    while (!over) {
      leads += 1
      const { id } = it.hubspot.create({ type: 'contact', properties: { meta_lead_id: String(100_000_000_000_000 + leads) } })
      for (const stage of STAGES) {
        await sleep(10 + random() * 40)
        it.hubspot.change({ type: 'contact', id, properties: { lifecyclestage: stage } })
        changes += 1
      }
    }
  })()
  return {
    async end(uncounted = 0) {
      over = true
      await walking
      const stats = await it.hubspot.idle()
      await until(async () => (await count(it.db, 'packet')) + (await count(it.db, 'outbox')) === 0, 240_000)
      const lines = await ledger(it.db)
      const reached = lines.filter(({ stage }) => stage !== 'raw_lead').map(({ recordId, stage }) => `${recordId} ${stage}`)
      t.equal(stats.failed, 0, 'the CRM has given nothing up')
      t.equal(reached.length, changes, 'every change is in the ledger')
      t.equal(new Set(reached).size, changes, 'once')
      t.strictSame([...new Set(lines.map(({ outcome }) => outcome))], ['sent'])
      const summary = it.meta.summary().datasets[DATASET]
      t.equal(summary?.distinct, changes + leads)
      t.equal(summary?.doubled, summary?.doubledById, 'what came twice is the same event')
      const counted = (await tallied(it.db, 'possible_doubles.timeout')) + (await tallied(it.db, 'possible_doubles.short_count'))
      const doubled = summary?.doubled ?? 0
      t.ok(doubled <= counted + uncounted, `${doubled} doubled, ${counted} counted`)
      const eventsOut = summary?.distinct ?? 0
      return { eventsIn: changes, eventsOut, lost: changes + leads - eventsOut, doubled, repeated: stats.retried }
    },
  }
}

/** Resolves when Meta has taken something new. Returns how long that took, ms. */
export async function untilDelivered(it: TestApp, patienceMs = 180_000): Promise<number> {
  const from = performance.now()
  const seen = it.meta.events().length
  await until(() => it.meta.events().length > seen, patienceMs)
  return performance.now() - from
}
