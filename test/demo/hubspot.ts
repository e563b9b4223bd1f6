/** HubSpot in the demo: contacts whose lifecycle stage moves, two thirds of them with their Meta lead id. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from '../simulators/child.ts'
import type { SenderStats } from '../simulators/hubspot/webhook-sender.ts'
import { losesLeadId, planWalk, type Step, syncMs } from './funnel.ts'
import { metaLeadId, person } from './people.ts'
import type { Source } from './source.ts'

const name = 'HubSpot'
const portalId = 44_000_001
const appId = 5_000_001
const clientId = '8f1a7c52-demo-demo-demo-000000000001'
/** Lifecycle stages in the order of the funnel. */
const lifecycle = ['lead', 'marketingqualifiedlead', 'opportunity', 'customer']
const eventNames = ['Raw Lead', 'Marketing Qualified Lead', 'Sales Opportunity', 'Converted']
/** Changes are made in strokes this far apart, milliseconds. */
const strokeMs = 40

/**
 * How HubSpot sends: what happens within a moment travels together in any order, several requests at a time, and now and
 * then an event comes twice, as the same or as a new one.
 */
const sending = { windowMs: 250, batchSize: 25, shuffle: true, duplicateRate: 0.1, reissueRate: 0.05 }

/** @param faults for tests: `loseLastWebhook` keeps HubSpot from telling of the last changes */
export async function startHubSpotSource(faults: { loseLastWebhook: boolean }): Promise<Source> {
  const clientSecret = randomBytes(16).toString('hex')
  const refreshToken = randomBytes(16).toString('hex')
  const hubspot = await startChild('hubspot', {
    app: { appId, clientId, clientSecret },
    portals: [{ portalId, refreshToken }],
    webhooks: sending,
  })
  await hubspot.control('defineProperty', { type: 'contact', property: { name: 'meta_lead_id', label: 'Meta lead id' } })
  const contactId = (lead: number) => String(70_000_000_001 + lead * 50)
  const creation = ({ lead, after }: Step, start: number) => ({
    type: 'contact',
    id: contactId(lead),
    at: start + after,
    properties: { ...person(lead), ...(!losesLeadId(lead) && { meta_lead_id: metaLeadId(lead) }), lifecyclestage: lifecycle[0] },
  })
  const move = ({ lead, stage, after }: Step, start: number) => ({
    type: 'contact',
    id: contactId(lead),
    at: start + after,
    properties: { lifecyclestage: lifecycle[stage] },
  })
  const make = async (command: 'create' | 'change', inputs: object[]) => {
    if (inputs.length > 0) await hubspot.control(command, inputs)
  }

  return {
    name,
    crm: 'hubspot',
    refreshToken,
    eventNames,
    env: {
      HUBSPOT_APP_ID: String(appId),
      HUBSPOT_CLIENT_ID: clientId,
      HUBSPOT_CLIENT_SECRET: clientSecret,
      HUBSPOT_API_URL: hubspot.url,
    },
    async connect(serverUrl) {
      await hubspot.control('setRedirectUris', { redirectUris: [`${serverUrl}/oauth/hubspot/callback`] })
      await hubspot.control('webhooks', { targetUrl: `${serverUrl}/webhooks/hubspot` })
    },
    async walk(changed) {
      const plan = planWalk()
      const start = Date.now() + syncMs
      let done = Number.NEGATIVE_INFINITY
      while (done < (plan.at(-1) as Step).after) {
        const now = Date.now() - start
        const due = plan.filter(({ after }) => after > done && after <= now)
        done = now
        const last = due.includes(plan.at(-1) as Step)
        if (faults.loseLastWebhook && last) await hubspot.control('webhooks', { lossRate: 1 })
        await make(
          'create',
          due.filter(({ stage }) => stage === 0).map((step) => creation(step, start)),
        )
        await make(
          'change',
          due.filter(({ stage }) => stage > 0).map((step) => move(step, start)),
        )
        // That there is a lead was told where it began.
        for (const { lead, stage, after } of due.filter(({ stage }) => stage > 0))
          changed({ source: name, leadId: metaLeadId(lead), eventName: eventNames[stage] as string, at: start + after })
        await sleep(strokeMs)
      }
    },
    idle: async () => (await hubspot.control<SenderStats>('stats')).pending === 0,
    traffic: async () => {
      const { delivered, requests, duplicates } = await hubspot.control<SenderStats>('stats')
      const sentence = `${name}: ${requests} signed webhook requests brought ${delivered} events, ${duplicates} of them repeats, in no order.`
      return { sentence, events: delivered, repeated: duplicates }
    },
    visit: {
      record: () => `contact/${contactId(leadThatReaches(4))}`,
      preview: {
        crm: 'hubspot',
        account: String(portalId),
        recordType: 'contact',
        recordId: contactId(0),
        stage: { source: 'lifecyclestage', id: 'customer' },
        occurredAt: Date.now(),
        identity: { metaLeadId: metaLeadId(0), emails: [' Ada.Almond@Example.com '], phones: ['(202) 555-0100'], country: 'US' },
      },
      changes: () => [
        [
          `Move a ${name} contact on; its event joins the list and what Meta received`,
          [
            `curl -s ${hubspot.url}/__control/change -d '{`,
            `"type": "contact", "id": "${contactId(leadThatReaches(2))}",`,
            `"properties": { "lifecyclestage": "salesqualifiedlead" } }'`,
          ].join('\n      '),
        ],
      ],
    },
    close: hubspot.close,
  }
}

/** The first lead that ends after this many stages. */
function leadThatReaches(stages: number): number {
  const walks = Map.groupBy(planWalk(), ({ lead }) => lead)
  return [...walks].find(([, steps]) => steps.length === stages)?.[0] as number
}
