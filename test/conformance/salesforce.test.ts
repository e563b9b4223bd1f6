/** Salesforce through the battery: its changes come over the event stream. */
import t from 'tap'
import type { ConnectionContext } from '../../connectors/connector.ts'
import { salesforce as connector } from '../../connectors/salesforce/index.ts'
import { type SalesforceSettings, salesforceSettings } from '../../connectors/salesforce/settings.ts'
import { compileSchema } from '../../connectors/salesforce/stream/event-schema.ts'
import { readEvent } from '../../connectors/salesforce/stream/read-event.ts'
import { wantedFields } from '../../connectors/salesforce/stream/wanted-fields.ts'
import { stageMapping } from '../../mappings/stage-mapping.ts'
import { createConnections } from '../../server/connections/connections.ts'
import { createHttp } from '../../server/connections/http.ts'
import { createLog } from '../../server/log.ts'
import { changeSchema, standardFields } from '../simulators/salesforce/avro-schema.ts'
import type { OrgChange } from '../simulators/salesforce/change-log.ts'
import { encodeEvent } from '../simulators/salesforce/encode-event.ts'
import { testApp, until } from '../support/app.ts'
import { addOrg, followed } from '../support/salesforce.ts'
import { conformance } from './battery.ts'
import type { Fixtures, Person, Told } from './fixtures.ts'

const DATASET = '700000000000601'
const TOKEN = 'EAAbatterytoken00000000000000601'
const stages: [string, string] = ['Working - Contacted', 'Closed - Not Converted']
const mapping = stageMapping.parse({
  stages: [
    { source: 'lead_status', stageId: stages[0], eventName: 'Marketing Qualified Lead' },
    { source: 'lead_status', stageId: stages[1], eventName: 'Converted' },
  ],
})

const fields = standardFields('Lead')
const reading = { settings: salesforceSettings.parse({}), ruleFields: [] }

/** A lead's status was changed on screen; without a status, it was emptied. */
const changeOf = ({ id, stage, at }: Told): OrgChange => ({
  ...{ entity: 'Lead', recordIds: [id], changeType: 'UPDATE', changeOrigin: '', transactionKey: `${id} ${at}`, sequenceNumber: 1 },
  ...{ commitTimestamp: at, commitNumber: 1_719_876_940_980_994_049n, commitUser: '005000000000001AAA', diffFields: [] },
  changedFields: ['Status', 'LastModifiedDate'],
  nulledFields: stage === '' ? ['Status'] : [],
  values: { Status: stage === '' ? null : stage, LastModifiedDate: at },
})

/** A lead as it comes from an instant form, with all that is said of the person. */
const recordOf = ({ metaLeadId, email, phone, firstName }: Person) => ({
  ...{ FirstName: firstName, LastName: 'Example', Company: 'Example', Email: email, Phone: phone, Meta_Lead_ID__c: metaLeadId },
})

const fixtures: Fixtures = {
  connector: connector as Fixtures['connector'],
  recordType: 'lead',
  ids: ['00Q000000000011AAA', '00Q000000000012AAA', '00Q000000000013AAA'],
  stages,
  say(told) {
    const schema = compileSchema(changeSchema('Lead', fields).json(), wantedFields(reading))
    return JSON.stringify(told.map((one) => readEvent(schema.read(encodeEvent(fields, changeOf(one))), reading)))
  },
  hear(text) {
    try {
      const changes: unknown = JSON.parse(text)
      // What cannot be written was never kept.
      JSON.stringify(changes)
      return Array.isArray(changes) ? changes : [changes]
    } catch {
      return []
    }
  },
  async start(t, { log }) {
    // Signs of life come often: until one comes, more may belong to the last change, and its position does not move.
    const it = await testApp(t, { log, salesforce: { pubsub: { keepaliveMs: 25 } } })
    const { connectionId, orgId } = await addOrg(it, { dataset: DATASET, token: TOKEN, mapping })
    const { salesforce } = it
    salesforce.track({ object: 'Lead', field: 'Status' })
    const cursor = () =>
      it.db
        .selectFrom('cursor')
        .select(['position', 'standing'])
        .where('connection_id', '=', connectionId)
        .where('channel', '=', 'stream')
        .executeTakeFirst()
    /** Whether the position moves behind the changes, or the stream fails over them. */
    async function told(changes: readonly Partial<OrgChange>[]): Promise<boolean> {
      await followed(it, orgId)
      // What is said of the stream comes a little behind it.
      await until(async () => (await cursor())?.standing === 'open')
      let last = ''
      for (const change of changes) last = salesforce.pubsub.log({ orgId, entity: 'Lead', ...change }).replayId
      let acknowledged: boolean | undefined
      await until(async () => {
        const { position, standing } = (await cursor()) ?? {}
        // Replay ids rise, and have as many digits each.
        if ((position ?? '').replace('+', '') >= last) acknowledged = true
        else if (standing !== 'open') acknowledged = false
        return acknowledged !== undefined
      })
      return acknowledged === true
    }
    return {
      ...{ it, connectionId, dataset: DATASET, eventNames: ['Raw Lead', 'Marketing Qualified Lead', 'Converted'] },
      lead: (person) =>
        salesforce.insert({ object: 'Lead', at: person.createdAt, told: 'lost', records: [recordOf(person)] }).ids[0] as string,
      change: ({ id, stage, at }) => salesforce.update({ object: 'Lead', at, told: 'lost', records: [{ Id: id, Status: stage }] }),
      tell: (changes) => told(changes.map(changeOf)),
      post: (text) =>
        told([
          {
            recordIds: [text.slice(0, 18), '00Q*', fixtures.ids[1]],
            changedFields: ['Status', 'Email'],
            values: { Status: text, Email: text },
          },
          { recordIds: [fixtures.ids[2]], changeType: 'CREATE', values: { 'Name.LastName': text, Status: text, Meta_Lead_ID__c: text } },
        ]),
      identityRequests: () =>
        salesforce.requests().filter(({ query }) => /FROM Lead WHERE (Id|ConvertedOpportunityId) IN/.test(query)).length,
      async merge(master, loser) {
        salesforce.merge({ master, losers: [loser] })
        await told([{ recordIds: [loser], changeType: 'DELETE' }])
      },
      async tellSeen(id) {
        await told([{ recordIds: [id], changeType: 'GAP_CREATE' }])
      },
      async readHistory(from, to) {
        const { http, close } = createHttp()
        const { db, vault } = it
        const silent = createLog({ level: 'silent' })
        const { context } = await createConnections({ db, vault, apps: it.config.crm, http, log: silent }).get(connectionId)
        const changes: unknown[] = []
        for (let next: string | undefined, more = true; more; more = next !== undefined) {
          const page = await connector.history?.(context as ConnectionContext<SalesforceSettings>, { from, to }, next)
          changes.push(...JSON.parse(JSON.stringify(page?.changes ?? [])))
          next = page?.next
        }
        await close()
        return connector.normalise(changes)
      },
      secrets: [salesforce.app.clientSecret, TOKEN],
    }
  },
}

t.test('Salesforce', (t) => conformance(t, fixtures))
