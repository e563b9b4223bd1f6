/** What the connector asks of Salesforce, seen by doing all it does with an org of the stand-in. */
import type { ConnectionContext, HistoryPage } from '../../../connectors/connector.ts'
import { salesforce as connector } from '../../../connectors/salesforce/index.ts'
import type { SalesforceSettings } from '../../../connectors/salesforce/settings.ts'
import { root } from '../../../connectors/salesforce/version.ts'
import { contextFor, refreshToken } from '../../connectors/salesforce/org.ts'
import { startSalesforce } from '../../simulators/salesforce/start-salesforce.ts'

export interface Reads {
  /** Names of fields by object. */
  fields: Map<string, string[]>
  /** Other requests, as method and path. */
  requests: string[]
}

const DAY_MS = 86_400_000
const tracked = [
  ['Lead', 'Status'],
  ['Opportunity', 'StageName'],
] as const

/** Objects, fields and other requests, each in order. */
export async function salesforceReads(): Promise<Reads> {
  const now = Date.now()
  const salesforce = await startSalesforce({ orgs: [{ refreshToken, historyAtCreation: false }] })
  try {
    for (const [object, field] of tracked) salesforce.track({ object, field })
    const context = contextFor(salesforce)
    const [first = '', second = ''] = twoLeads(salesforce, now)
    await askEverything(context, now, { converted: first, open: second })
    const questions = salesforce.requests().filter(({ kind }) => kind === 'query')
    const others = salesforce.requests().filter(({ path }) => path.startsWith(root) && !/\/query(All)?$/.test(path))
    return { fields: fieldsOf(questions.map(({ query }) => query)), requests: [...new Set(others.map(nameOf))].sort() }
  } finally {
    await salesforce.close()
  }
}

/** The first is converted, the second is not. */
function twoLeads(salesforce: Awaited<ReturnType<typeof startSalesforce>>, now: number): string[] {
  const lead = { LastName: 'Bauer', Company: 'Bauer KG' }
  const { ids } = salesforce.insert({ object: 'Lead', at: now - DAY_MS, records: [lead, lead] })
  const { opportunityId } = salesforce.convert({ leads: ids.slice(0, 1), at: now - DAY_MS / 2 })
  salesforce.update({ object: 'Opportunity', at: now - DAY_MS / 4, records: [{ Id: opportunityId ?? '', StageName: 'Qualification' }] })
  return ids
}

interface Leads {
  converted: string
  open: string
}

async function askEverything(context: ConnectionContext<SalesforceSettings>, now: number, { converted, open }: Leads): Promise<void> {
  await connector.check(context)
  await connector.listFields(context)
  await connector.listStages(context)
  await connector.lookup?.(context, [{ ref: { type: 'lead', id: converted }, history: true }])
  await connector.poll?.(context, undefined, now)
  let position: string | undefined
  do {
    const found: HistoryPage | undefined = await connector.history?.(context, { from: now - 7 * DAY_MS, to: now }, position)
    position = found?.next
  } while (position !== undefined)
  await connector.writeLeadId?.(context, { type: 'lead', id: open }, '1234567890123456')
}

function fieldsOf(questions: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, Set<string>>()
  for (const question of questions) {
    const [, selected = '', object = ''] = /^SELECT (.+?) FROM (\w+)/.exec(question) ?? []
    const known = fields.get(object) ?? new Set()
    for (const field of selected.split(', ')) known.add(field)
    fields.set(object, known)
  }
  return new Map([...fields].sort().map(([object, names]) => [object, [...names].sort()]))
}

const nameOf = ({ method, path }: { method: string; path: string }) =>
  `${method} ${path.slice(root.length).replace(/\/00\w{13,16}$/, '/{id}') || '/'}`
