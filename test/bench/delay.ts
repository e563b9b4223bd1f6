/** From one webhook to Meta, at 50 events a second spread over eight portals, with identities that are fresh. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Part } from './main.ts'
import { leadIdOf, startOutside } from './outside.ts'
import { postAll } from './post-all.ts'
import { startStand } from './stand.ts'
import { quantile, rounded } from './statistics.ts'
import { bodiesOf, pass } from './walk.ts'

const PER_SECOND = 50
const SECONDS = 20
const PER_PORTAL = (PER_SECOND * SECONDS) / 8

export const delay: Part = async (say) => {
  const outside = await startOutside()
  const stand = await startStand({ hubspotUrl: outside.hubspotUrl, metaUrl: outside.metaUrl })
  try {
    await pass(outside, stand.webhooks, bodiesOf(stand.webhooks, 'lead', 0, PER_PORTAL))
    const bodies = bodiesOf(stand.webhooks, 'marketingqualifiedlead', 0, PER_PORTAL, 1)
    const sentAt = new Map<string, number>()
    const delays: number[] = []
    outside.reset()
    outside.onLead = (leadId, at) => delays.push(at - (sentAt.get(leadId) ?? Number.NaN))
    const started = performance.now()
    const posts: Promise<unknown>[] = []
    for (const [index, body] of bodies.entries()) {
      await sleep(Math.max(0, started + (index * 1000) / PER_SECOND - performance.now()))
      sentAt.set(leadIdOf(/"objectId":(\d+)/.exec(body.body)?.[1] ?? ''), performance.now())
      let left: typeof body | undefined = body
      posts.push(
        postAll(stand.webhooks, 1, () => {
          const next = left
          left = undefined
          return next
        }),
      )
    }
    await Promise.all([...posts, outside.took(bodies.length)])
    const p50Ms = rounded(quantile(delays, 0.5), 1)
    const p99Ms = rounded(quantile(delays, 0.99), 1)
    say(`p50 ${p50Ms} ms, p99 ${p99Ms} ms, most ${quantile(delays, 1).toFixed(1)} ms over ${delays.length} events`)
    return { p50Ms, p99Ms }
  } finally {
    await stand.stop()
    await outside.close()
  }
}
