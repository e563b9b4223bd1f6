/** HubSpot in the demo: contacts with a Meta lead id, whose lifecycle stage moves. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from '../simulators/child.ts'
import type { SenderStats } from '../simulators/hubspot/webhook-sender.ts'
import { funnel, planWalk, type Step } from './funnel.ts'
import { metaLeadId, person } from './people.ts'
import type { Source } from './source.ts'

const name = 'HubSpot'
const portalId = 44_000_001
const appId = 5_000_001
const clientId = '8f1a7c52-demo-demo-demo-000000000001'
/** Lifecycle stages in the order of the funnel. */
const lifecycle = ['lead', 'marketingqualifiedlead', 'opportunity', 'customer']
/** Changes are made in strokes this far apart, milliseconds. */
const strokeMs = 40

/**
 * How HubSpot sends: what happens within a moment travels together in any order, several requests at a time, and now and
 * then an event comes twice, as the same or as a new one.
 */
const sending = { windowMs: 250, batchSize: 25, shuffle: true, duplicateRate: 0.1, reissueRate: 0.05 }

/** @param faults for tests: `loseLastWebhook` keeps HubSpot from telling of the last change */
export async function startHubSpotSource(faults: { loseLastWebhook: boolean }): Promise<Source> {
  const clientSecret = randomBytes(16).toString('hex')
  const refreshToken = randomBytes(16).toString('hex')
  const hubspot = await startChild('hubspot', {
    app: { appId, clientId, clientSecret },
    portals: [{ portalId, refreshToken }],
    webhooks: sending,
  })
  await hubspot.control('defineProperty', { type: 'contact', property: { name: 'meta_lead_id', label: 'Meta lead id' } })
  // People fill in the form some minutes before the CRM hears of them.
  const now = Date.now()
  const leads = Array.from({ length: funnel[0].leads }, (_, index) => ({ id: metaLeadId(index), generatedAt: now - (index + 1) * 5_000 }))

  const contactId = (lead: number) => String(70_000_000_001 + lead * 50)
  const create = ({ lead }: Step, at: number) => ({
    type: 'contact',
    id: contactId(lead),
    at,
    properties: { ...person(lead), meta_lead_id: leads[lead]?.id, lifecyclestage: lifecycle[0] },
  })
  const change = ({ lead, stage }: Step, at: number) => ({
    type: 'contact',
    id: contactId(lead),
    at,
    properties: { lifecyclestage: lifecycle[stage] },
  })

  return {
    name,
    crm: 'hubspot',
    account: String(portalId),
    refreshToken,
    leads,
    env: {
      HUBSPOT_APP_ID: String(appId),
      HUBSPOT_CLIENT_ID: clientId,
      HUBSPOT_CLIENT_SECRET: clientSecret,
      HUBSPOT_API_URL: hubspot.url,
    },
    connect: (serverUrl) => hubspot.control('webhooks', { targetUrl: `${serverUrl}/webhooks/hubspot` }),
    async walk(changed) {
      const start = Date.now()
      const plan = planWalk()
      while (plan.length > 0) {
        const due = plan.splice(
          0,
          firstIndex(plan, ({ after }) => start + after > Date.now()),
        )
        if (faults.loseLastWebhook && plan.length === 0) await hubspot.control('webhooks', { lossRate: 1 })
        const [fresh, moved] = [due.filter(({ stage }) => stage === 0), due.filter(({ stage }) => stage > 0)]
        const make = (step: Step) => create(step, start + step.after)
        if (fresh.length > 0) await hubspot.control('create', fresh.map(make))
        const move = (step: Step) => change(step, start + step.after)
        if (moved.length > 0) await hubspot.control('change', moved.map(move))
        for (const { lead, stage, after } of due)
          changed({
            source: name,
            leadId: leads[lead]?.id as string,
            eventName: funnel[stage as 0].eventName,
            at: start + after,
          })
        await sleep(strokeMs)
      }
    },
    idle: async () => (await hubspot.control<SenderStats>('stats')).pending === 0,
    traffic: async () => {
      const { delivered, requests, duplicates } = await hubspot.control<SenderStats>('stats')
      return { events: delivered, requests, repeated: duplicates }
    },
    tryOut: () => {
      const steps = Map.groupBy(planWalk(), ({ lead }) => lead)
      const qualified = [...steps.keys()].find((lead) => steps.get(lead)?.length === 2) as number
      const input = JSON.stringify({ type: 'contact', id: contactId(qualified), properties: { lifecyclestage: 'salesqualifiedlead' } })
      return [[`Move a contact in ${name}: it arrives as one more event`, `curl -d '${input}' ${hubspot.url}/__control/change`]]
    },
    close: hubspot.close,
  }
}

/** Index of the first item that `holds`, or the number of items. */
function firstIndex<T>(items: readonly T[], holds: (item: T) => boolean): number {
  const index = items.findIndex(holds)
  return index < 0 ? items.length : index
}
