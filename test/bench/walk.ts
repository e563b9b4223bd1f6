/** Contacts of eight portals that walk down the funnel: the first stage with nothing known of them, the others after it. */
import { type SignedBody, signedBody } from './bodies.ts'
import type { Outside } from './outside.ts'
import { postAll } from './post-all.ts'
import { portals } from './stand.ts'

/** In the order of the funnel; each reports one event for each contact. */
export const stages = ['lead', 'marketingqualifiedlead', 'salesqualifiedlead', 'opportunity', 'customer'] as const

export const contactId = (portal: number, number: number): number => 10_000_000_001 + (portal % 100) * 100_000_000 + number

/** Bodies of `size` changes in which contacts `from` to `to` of each portal reach a stage, portals in turn. */
export function bodiesOf(url: string, stage: (typeof stages)[number], from: number, to: number, size = 100): SignedBody[] {
  const at = Date.now() - 600_000 + stages.indexOf(stage) * 60_000
  const bodies: SignedBody[] = []
  for (let first = from; first < to; first += size) {
    for (const portalId of portals) {
      const count = Math.min(size, to - first)
      const changes = Array.from({ length: count }, (_, index) => ({
        portalId,
        contactId: contactId(portalId, first + index),
        stageId: stage,
        at: at + first + index,
      }))
      bodies.push(signedBody(url, changes))
    }
  }
  return bodies
}

/** Posts bodies over 32 connections and waits until Meta has taken all their events. Returns seconds from the first request. */
export async function pass(outside: Outside, url: string, bodies: readonly SignedBody[]): Promise<number> {
  outside.reset()
  const events = bodies.reduce((sum, body) => sum + body.events, 0)
  const started = performance.now()
  let sent = 0
  await Promise.all([postAll(url, 32, () => bodies[sent++]), outside.took(events)])
  return (performance.now() - started) / 1000
}
