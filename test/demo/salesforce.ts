/**
 * Salesforce in the demo: leads, two thirds of them with their Meta lead id, of which some are converted, some of these into opportunities,
 * some of which are won.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from '../simulators/child.ts'
import { losesLeadId, planWalk, type Step, syncMs } from './funnel.ts'
import { metaLeadId, person } from './people.ts'
import type { Source } from './source.ts'

const name = 'Salesforce'
const appId = 'demo'
const clientId = '3MVG9demo.consumer.key.of.the.demo'
const eventNames = ['Raw Lead', 'Qualified Lead', 'Sales Opportunity', 'Converted']
/** Changes are made in strokes this far apart, milliseconds. */
const strokeMs = 40
/** Leads of the other CRM come before. */
const firstLead = 100
/** How long after the last delivery the stream is taken for told out, milliseconds. */
const quietMs = 500

export async function startSalesforceSource(): Promise<Source> {
  const clientSecret = randomBytes(16).toString('hex')
  const refreshToken = randomBytes(16).toString('hex')
  const salesforce = await startChild('salesforce', { app: { clientId, clientSecret }, orgs: [{ refreshToken }] })
  const { streamUrl } = await salesforce.control<{ streamUrl: string }>('addresses')
  const plan = planWalk()
  const stagesOf = new Map([...Map.groupBy(plan, ({ lead }) => lead)].map(([lead, steps]) => [lead, steps.length]))
  /** The first lead that ends after this many stages. */
  const walksTo = (stages: number) => [...stagesOf].find(([, count]) => count === stages)?.[0] as number
  const leadIds = new Map<number, string>()
  const opportunityIds = new Map<number, string>()
  let told = 0
  let completeSince: number | undefined

  const creation = ({ lead, after }: Step, start: number) => {
    const { firstname, lastname, email, phone, city, state, zip, country } = person(firstLead + lead)
    return {
      object: 'Lead',
      at: start + after,
      records: [
        {
          ...{ FirstName: firstname, LastName: lastname, Company: 'Example', Email: email, Phone: phone },
          ...{ City: city, State: state, PostalCode: zip, Country: country, Status: 'Open - Not Contacted' },
          ...(!losesLeadId(lead) && { Meta_Lead_ID__c: metaLeadId(firstLead + lead) }),
        },
      ],
    }
  }
  /** A lead that gets further becomes an opportunity in the same moment, which Salesforce tells of first. */
  const conversion = ({ lead, after }: Step, start: number) => ({
    leads: [leadIds.get(lead)],
    at: start + after,
    opportunity: (stagesOf.get(lead) as number) > 2 && { StageName: 'Prospecting', CloseDate: '2030-01-31' },
  })
  const victory = ({ lead, after }: Step, start: number) => ({
    object: 'Opportunity',
    at: start + after,
    records: [{ Id: opportunityIds.get(lead), StageName: 'Closed Won' }],
  })
  /** All changes of some steps, in the order in which they depend on each other; answers are those of the commands. */
  async function make<Answer>(command: string, steps: readonly Step[], input: (step: Step, start: number) => object, start: number) {
    if (steps.length === 0) return []
    return salesforce.control<Answer[]>(
      command,
      steps.map((step) => input(step, start)),
    )
  }

  return {
    name,
    crm: 'salesforce',
    refreshToken,
    eventNames,
    env: {
      SALESFORCE_APP_ID: appId,
      SALESFORCE_CLIENT_ID: clientId,
      SALESFORCE_CLIENT_SECRET: clientSecret,
      SALESFORCE_API_URL: salesforce.url,
      SALESFORCE_STREAM_URL: streamUrl,
    },
    // For its changes the server comes to Salesforce, not the other way round; it may take a moment until it does.
    connect: (serverUrl) => salesforce.control('setRedirectUris', { redirectUris: [`${serverUrl}/oauth/salesforce/callback`] }),
    async walk(changed) {
      while ((await salesforce.control<unknown[]>('pubsub.streams')).length === 0) await sleep(strokeMs)
      await salesforce.control('pubsub.duplicate', { events: 20 })
      const start = Date.now() + syncMs
      let done = Number.NEGATIVE_INFINITY
      while (done < (plan.at(-1) as Step).after) {
        const now = Date.now() - start
        const due = plan.filter(({ after }) => after > done && after <= now)
        done = now
        const at = (stage: number) => due.filter((step) => step.stage === stage)
        const made = await make<{ ids: string[] }>('insert', at(0), creation, start)
        for (const [index, { lead }] of at(0).entries()) leadIds.set(lead, made[index]?.ids[0] as string)
        const opened = await make<{ opportunityId: string | null }>('convert', at(1), conversion, start)
        for (const [index, { lead }] of at(1).entries()) {
          const id = opened[index]?.opportunityId
          if (typeof id === 'string') opportunityIds.set(lead, id)
        }
        await make('update', at(3), victory, start)
        for (const { lead, stage, after } of due) {
          // Its opportunity began with the conversion.
          if (stage === 2) continue
          const tell = (reached: number) =>
            // That there is a lead was told where it began.
            reached > 0 &&
            changed({
              source: name,
              leadId: metaLeadId(firstLead + lead),
              eventName: eventNames[reached] as string,
              at: start + after,
            })
          tell(stage)
          told += 1
          if (stage === 1 && opportunityIds.has(lead)) {
            tell(2)
            told += 1
          }
        }
        await sleep(strokeMs)
      }
    },
    async idle() {
      const { delivered } = await salesforce.control<{ delivered: number }>('pubsub.counts')
      if (delivered < told) completeSince = undefined
      else completeSince ??= Date.now()
      return completeSince !== undefined && Date.now() - completeSince > quietMs
    },
    async traffic() {
      const { delivered, responses } = await salesforce.control<{ delivered: number; responses: number }>('pubsub.counts')
      const { query = 0 } = await salesforce.control<{ query?: number }>('counts')
      const repeated = Math.max(0, delivered - told)
      const sentence = `${name}: its event stream brought ${delivered} change events in ${responses} messages, ${repeated} of them repeats; ${query} queries.`
      return { sentence, events: delivered, repeated }
    },
    visit: {
      record: () => `lead/${leadIds.get(walksTo(4))}`,
      preview: {
        crm: 'salesforce',
        account: '00D000000000001EAA',
        recordType: 'lead',
        recordId: '00Q000000000001AAA',
        stage: { source: 'lead_status', id: 'Closed - Converted' },
        occurredAt: Date.now(),
        identity: { metaLeadId: metaLeadId(firstLead), emails: [' Ada.Kauri@Example.com '], country: 'US' },
      },
      changes: () => [
        [
          `Convert a ${name} lead; its event joins the list and what Meta received`,
          [`curl -s ${salesforce.url}/__control/convert -d '{`, `"leads": ["${leadIds.get(walksTo(1))}"], "opportunity": false }'`].join(
            '\n      ',
          ),
        ],
      ],
    },
    close: salesforce.close,
  }
}
