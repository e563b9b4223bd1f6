/** What the connector asks of HubSpot, seen by doing all it does with an account of the stand-in. */
import type { HistoryPage } from '../../../connectors/connector.ts'
import { hubspot as connector } from '../../../connectors/hubspot/index.ts'
import { scope, scopes } from '../../../connectors/hubspot/install.ts'
import { account, contextFor, openPortal } from '../../connectors/hubspot/portal.ts'
import { ADMIN, type HubSpot } from '../../simulators/hubspot/start-hubspot.ts'

/** A call with the grant of an account; ids are left out of the path. */
export interface Call {
  method: string
  path: string
  /** Names of properties that were read. */
  properties: string[]
}

const DAY_MS = 86_400_000
const all = [...scopes.required, ...scopes.optional]

/** Every call that the connector makes, each once. */
export async function hubspotRequests(): Promise<Call[]> {
  const now = Date.now()
  const hubspot = await openPortal({ scopes: all, leadIdField: false })
  try {
    await askEverything(hubspot, now)
    const calls = new Map<string, Call>()
    for (const { method, path, query, body, portalId } of hubspot.requests()) {
      if (portalId === undefined) continue
      const name = path.replace(/\/\d{3,}(?=\/|$)/g, '/{id}').replace(/(properties\/[\d-]+\/contacts)\/(?!groups$)\w+$/, '$1/{name}')
      const call = calls.get(`${method} ${name}`) ?? { method, path: name, properties: [] }
      call.properties = [...new Set([...call.properties, ...propertiesOf(query, body)])].sort()
      calls.set(`${method} ${name}`, call)
    }
    return [...calls.values()].sort((a, b) => (`${a.path} ${a.method}` < `${b.path} ${b.method}` ? -1 : 1))
  } finally {
    await hubspot.close()
  }
}

async function askEverything(hubspot: HubSpot, now: number): Promise<void> {
  const context = contextFor(hubspot, { scopes: all })
  await connector.createLeadIdField?.(context)
  const properties = { email: 'ana@example.com', lifecyclestage: 'lead' }
  const contact = hubspot.create({ type: 'contact', at: now - DAY_MS, properties })
  const others = ['deal', 'lead'].map((type) => {
    const { id } = hubspot.create({ type, at: now - DAY_MS })
    hubspot.associate({ from: { type, id }, to: { type: 'contact', id: contact.id } })
    return { type, id }
  })
  await connector.check(context)
  await connector.listFields(context)
  await connector.listStages(context)
  const refs = [{ type: 'contact', id: contact.id }, ...others]
  await connector.lookup?.(
    context,
    refs.map((ref) => ({ ref, history: true })),
  )
  await connector.page?.isAdmin({ account, userId: ADMIN }, { context, app: undefined as never, http: undefined as never })
  let position: string | undefined
  do {
    const found: HistoryPage | undefined = await connector.history?.(context, { from: now - 7 * DAY_MS, to: now }, position)
    position = found?.next
  } while (position !== undefined)
  await connector.writeLeadId?.(context, { type: 'contact', id: contact.id }, '1234567890123456')
  await connector.leadIds?.(context, undefined)
  await connector.install?.leave?.({ client: context.client } as never)
}

/** Which calls a scope is for, as HubSpot's specifications say, and the reason to ask for it. */
export const uses: Record<keyof typeof scope, { calls: RegExp; access: 'read' | 'write'; object: string; reason: string }> = {
  readContacts: {
    calls: /^(GET|POST) \/crm\/(objects\/[\d-]+\/contacts\/(batch\/read|search)|associations\/[\d-]+\/\w+\/contacts\/batch\/read)$/,
    access: 'read',
    object: 'Contacts',
    reason: 'stages of contacts and their history; the Meta lead id, or what identifies a person where there is none',
  },
  writeContacts: {
    calls: /^(PATCH \/crm\/objects\/[\d-]+\/contacts\/|POST \/crm\/objects\/[\d-]+\/contacts\/batch\/update)/,
    access: 'write',
    object: 'Contacts',
    reason: 'writes a Meta lead id that was found into its property, and nothing else; only where an admin switched that on',
  },
  readDeals: {
    calls: /^(GET|POST) \/crm\/(objects|pipelines|associations)\/[\d-]+\/deals(\/|$)/,
    access: 'read',
    object: 'Deals',
    reason: 'stages of deals and their history, the pipelines to choose stages from, the amount for stages that ask for it',
  },
  readLeads: {
    calls: /^(GET|POST) \/crm\/(objects|pipelines|associations)\/[\d-]+\/leads(\/|$)/,
    access: 'read',
    object: 'Leads',
    reason: 'stages of leads and their history; optional, because only accounts with Sales Hub Professional have the object',
  },
  readContactProperties: {
    calls: /^GET \/crm\/properties\/[\d-]+\/contacts/,
    access: 'read',
    object: 'Contact properties',
    reason: 'the names of stages, and the properties to choose from for the Meta lead id and consent',
  },
  writeContactProperties: {
    calls: /^POST \/crm\/properties\/[\d-]+\/contacts/,
    access: 'write',
    object: 'Contact properties',
    reason: 'creates one property for the Meta lead id, when an admin presses the button for it',
  },
  readUsers: {
    calls: /^GET \/settings\/users\/[\d-]+\//,
    access: 'read',
    object: 'Users',
    reason: 'whether somebody who wants to change settings is a super admin; a signed request says who they are, not what they may',
  },
}

/** The call takes no scope beside the grant itself. */
const freeOfScopes = /^DELETE \/appinstalls\//

/** The scopes that these calls are for. Throws `Error` for a call that is for none. */
export function neededScopes(calls: readonly Call[]): string[] {
  const needed = new Set<string>()
  for (const { method, path } of calls) {
    const call = `${method} ${path}`
    const names = (Object.keys(uses) as (keyof typeof scope)[]).filter((name) => uses[name].calls.test(call))
    if (names.length === 0 && !freeOfScopes.test(call))
      throw new Error(`Say in test/manifest/kit/hubspot-reads.ts which scope ${call} is for.`)
    for (const name of names) needed.add(scope[name])
  }
  return [...needed].sort()
}

/** Properties that a body, or a query, names. */
function propertiesOf(query: string, body: string): string[] {
  const named = new URLSearchParams(query).getAll('properties').flatMap((list) => list.split(','))
  if (!body.startsWith('{')) return named
  const { properties = [], propertiesWithHistory = [] } = JSON.parse(body) as Partial<
    Record<'properties' | 'propertiesWithHistory', unknown>
  >
  const lists = [properties, propertiesWithHistory].map((list) => (Array.isArray(list) ? list : Object.keys(list as object)))
  return [...named, ...lists.flat().map(String)]
}
