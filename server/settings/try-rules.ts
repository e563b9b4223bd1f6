/** What rules would let through, tried on real people before they are saved. */
import { refusedByConsent } from '../../mappings/permission.ts'
import { type Rules, rules as rulesSchema } from '../../mappings/rules.ts'
import { hashIdentity } from '../../mappings/user-data.ts'
import { refusedByLeadRule } from '../../mappings/which-leads.ts'
import type { Connections } from '../connections/connections.ts'
import type { Caller } from './caller.ts'
import { parseInput } from './problem.ts'
import { readRules } from './rules.ts'
import { sampleRecords } from './sample-records.ts'

export interface TriedRules {
  /** The latest people that were looked at. */
  people: number
  /** Of them, those with a Meta lead id. */
  withLeadId: number
  /** Those that consent and opt-out rules let through. */
  permitted: number
  /** How many would count under each of the answers to "which leads", all other rules as given. */
  counting: Record<Rules['whichLeads'], number>
}

const PEOPLE = 200
const choices = ['meta_leads', 'lead_id_only', 'anyone'] as const

/**
 * @param given what would be changed; null takes a rule back to its default
 * Throws as `sampleRecords`, and `invalid_input`.
 */
export async function tryRules(
  caller: Caller,
  id: number,
  given: Readonly<Record<string, unknown>>,
  connections: Connections,
): Promise<TriedRules> {
  const merged = Object.entries({ ...(await readRules(caller, id)), ...given }).filter(([, value]) => value !== null)
  const rules = parseInput(rulesSchema, Object.fromEntries(merged), 'The rules')
  const fields = [...rules.confirmedSources, ...rules.consent, ...rules.optOut].map(({ field }) => field)
  const { people } = await sampleRecords(caller, id, connections, { limit: PEOPLE, fields })
  const now = Date.now()
  const permitted = people.filter((person) => refusedByConsent({ isTest: false, fields: person.fields }, rules) === undefined)
  const counts = (whichLeads: Rules['whichLeads']) => {
    const tried = { ...rules, whichLeads }
    return permitted.filter(
      ({ identity = {}, fields }) => refusedByLeadRule(hashIdentity(identity, tried, now).userData, fields, tried) === undefined,
    ).length
  }
  return {
    people: people.length,
    withLeadId: people.filter(({ identity = {} }) => hashIdentity(identity, rules, now).userData.lead_id !== undefined).length,
    permitted: permitted.length,
    counting: Object.fromEntries(choices.map((choice) => [choice, counts(choice)])) as TriedRules['counting'],
  }
}
