/** Meta lead ids as people and imports leave them in an org: what the stream tells and what REST answers has to be the same. */
import t from 'tap'
import { lookup } from '../../../connectors/salesforce/lookup.ts'
import { normalise } from '../../../connectors/salesforce/normalise.ts'
import { openHub } from '../../../connectors/salesforce/stream/hub.ts'
import { normaliseLeadId } from '../../../mappings/normalise/lead-id.ts'
import { appOf, contextFor, openOrg, refreshToken } from './org.ts'
import { eventually, followOrg } from './stream/follow.ts'

const texts: [value: string, becomes: unknown][] = [
  ['123456789012345', '123456789012345'],
  ['12345678901234567', '12345678901234567'],
  ['90071992547409931', '90071992547409931'],
  ['l:12345678901234567', '12345678901234567'],
  ['  1234567890123456 ', '1234567890123456'],
  [' ', undefined],
  ['1.23E+15', { dropped: 'lead_id_rounded' }],
  ['12345678901234', { dropped: 'lead_id_too_short' }],
  ['123456789012345678', { dropped: 'lead_id_too_long' }],
]
const numbers: [value: number, becomes: unknown][] = [
  [123_456_789_012_345, '123456789012345'],
  [12_345_678_901_234, { dropped: 'lead_id_too_short' }],
  [1_234_567_890_123_456, { dropped: 'lead_id_rounded' }],
  [90_071_992_547_409_940, { dropped: 'lead_id_rounded' }],
]
const fields = [
  { name: 'FB_Lead_ID__c', type: 'string', table: texts },
  { name: 'FB_Lead_Number__c', type: 'double', table: numbers },
] as const

for (const { name, type, table } of fields)
  t.test(`ids in a field of type ${type} are the same from the stream, on creation and later, and from REST`, async (t) => {
    const salesforce = await openOrg(t)
    salesforce.addField({ object: 'Lead', field: { name, type, length: 40 } })
    const hub = openHub({ ...appOf(salesforce), streamUrl: salesforce.streamUrl })
    t.teardown(() => hub.close())
    const { accessToken: token } = salesforce.accessToken({ refreshToken })
    const access = { current: async () => ({ token, apiUrl: salesforce.url }) }
    const settings = { leadIdField: name }
    const stream = followOrg(t, hub, salesforce.org().id, { access, settings })
    await eventually(() => salesforce.pubsub.counts().open === 1)

    const person = { LastName: 'Doe', Company: 'Acme' }
    const created = salesforce.insert({ object: 'Lead', records: table.map(([value]) => ({ ...person, [name]: value })) }).ids
    const changed = salesforce.insert({ object: 'Lead', records: table.map(() => person) }).ids
    salesforce.update({ object: 'Lead', records: changed.map((Id, index) => ({ Id, [name]: table[index]?.[0] as string })) })
    await stream.until(() => stream.changes().length === 3 * table.length)
    const told = new Map(
      normalise(JSON.parse(JSON.stringify(stream.changes()))).flatMap((signal) =>
        signal.kind === 'shown' ? [[signal.ref.id, signal.snapshot.identity?.metaLeadId]] : [],
      ),
    )
    const found = await lookup(
      contextFor(salesforce, { settings }),
      created.map((id) => ({ ref: { type: 'lead', id }, history: false })),
    )
    for (const [index, [value, becomes]] of table.entries()) {
      const [one, other] = [created[index] as string, changed[index] as string]
      const asked = found.find(({ ref }) => ref.id === one)?.identity?.metaLeadId
      t.strictSame([told.get(one), told.get(other)], [asked, asked], `${value}: one reading`)
      t.strictSame(normaliseLeadId(asked ?? ''), becomes, `${value}: one meaning`)
    }
  })
