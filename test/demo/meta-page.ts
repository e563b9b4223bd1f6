/** A Facebook page in the demo: people fill in its instant forms, and are leads from then on. All that the CRMs have begins here. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Child } from '../simulators/child.ts'
import { demoPagesApp, type NewLead } from '../simulators/meta/lead-ads/lead-ads.ts'
import { funnel, planWalk } from './funnel.ts'
import { metaLeadId, person } from './people.ts'
import type { Source } from './source.ts'

const name = 'Instant forms'
const page = '106000000000001'
const eventName = 'Raw Lead'
const forms = ['Ask for an offer', 'Book a call', 'Newsletter']
const ads = ['Spring video', 'Spring pictures']
/** People fill in forms in strokes this far apart, milliseconds. */
const strokeMs = 40
/** As Meta does it: what happens within a moment travels together, and now and then a lead is told of twice. */
const sending = { windowMs: 100, batchSize: 20, duplicateRate: 0.1 }

/** @param crms names of the CRMs that the leads go to, `funnel[0]` to each, in the order in which they are connected */
export async function startPageSource(meta: Child, crms: readonly string[]): Promise<Source> {
  const { token } = await meta.control<{ token: string }>('addPage', { id: page, name: 'Acme Travel' })
  const formIds = (
    await meta.control<{ id: string }[]>(
      'addForm',
      forms.map((form) => ({ page, name: form })),
    )
  ).map(({ id }) => id)
  const total = funnel[0] * crms.length

  const submission = (lead: number): NewLead => {
    const { email, phone, firstname, lastname, city, state, zip } = person(lead)
    const ad = lead % ads.length
    return {
      id: metaLeadId(lead),
      form: formIds[lead % formIds.length] as string,
      answers: { email, phone_number: phone, first_name: firstname, last_name: lastname, city, state, zip_code: zip, country: 'US' },
      ad: {
        ...{ ad_id: `2385000000000001${ad}`, ad_name: ads[ad] as string, adset_id: '23850000000000021', adset_name: 'Families' },
        ...{ campaign_id: '23850000000000031', campaign_name: 'Spring' },
      },
      platform: lead % 3 === 0 ? 'ig' : 'fb',
    }
  }

  return {
    name,
    crm: 'meta-lead-ads',
    refreshToken: token,
    eventNames: [],
    env: { META_APP_ID: demoPagesApp.id, META_APP_SECRET: demoPagesApp.secret },
    connect: (serverUrl) => meta.control('leadgenWebhooks', { ...sending, targetUrl: `${serverUrl}/webhooks/meta-lead-ads` }),
    async walk(changed) {
      const arrivals = planWalk().filter(({ stage }) => stage === 0)
      const start = Date.now()
      for (let done = 0; done < arrivals.length; await sleep(strokeMs)) {
        const now = Date.now()
        const due = arrivals.slice(done).filter(({ after }) => after <= now - start)
        done += due.length
        const leads = due.flatMap(({ lead }) => crms.map((_, crm) => crm * funnel[0] + lead))
        if (leads.length > 0) await meta.control('submit', leads.map(submission))
        for (const lead of leads) changed({ source: name, leadId: metaLeadId(lead), eventName, at: now, learned: true, speakers: crms })
      }
    },
    idle: async () => (await meta.control<{ pending: number }>('leadgenStats')).pending === 0,
    async traffic() {
      const { told, requests } = await meta.control<{ told: number; requests: number }>('leadgenStats')
      const sentence = `${name}: ${requests} signed webhook requests told of ${told} leads, ${told - total} of them repeats.`
      return { sentence, events: told, repeated: told - total }
    },
    visit: {
      record: () => `lead/${metaLeadId(0)}`,
      changes: () => [
        [
          'Fill in an instant form; the lead is captured, and its raw-lead event goes out',
          `curl -s ${meta.url}/__control/submit -d '{ "form": "${formIds[0]}", "answers": { "email": "zoe@example.com" } }'`,
        ],
      ],
    },
    close: async () => undefined,
  }
}
