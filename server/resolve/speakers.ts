/**
 * Who speaks for captured leads. Meta is told which CRM a lead is in (Conversion Leads, `lead_event_source`), and a page is none:
 * its raw leads bear the name of the CRM that feeds the dataset, and are called what that CRM's mapping calls them. Where
 * several feed it, the one that was connected first speaks.
 */
import { sql } from 'kysely'
import { capturingSources, leadEventSource } from '../../connectors/registry.ts'
import { type Rules, rules as rulesSchema } from '../../mappings/rules.ts'
import { type StageMapping, stageMapping } from '../../mappings/stage-mapping.ts'
import type { Database } from '../database/pool.ts'

export interface Speaker {
  leadEventSource: string
  rawLead: StageMapping['rawLead']
  rules: Rules
  /** Of its route to the dataset: raw leads of a funnel that is only tried out are not sent either. */
  mode: 'live' | 'shadow'
}

/**
 * The speakers of these routes by dataset; a dataset that no CRM feeds has none.
 *
 * @param own rules of the connection that captures. Where the CRM asks for a consent and the form does not, whether there is one
 * is known when the record is in the CRM: its raw lead is the CRM's to report.
 */
export async function findSpeakers(db: Database, routes: readonly { dataset_id: number }[], own: Rules): Promise<Map<number, Speaker>> {
  const found = await sql<{ dataset_id: number; mode: Speaker['mode']; crm: string; settings: unknown; rules: unknown; body: unknown }>`
    select distinct on (r.dataset_id) r.dataset_id, r.mode, c.crm, c.settings, c.rules, m.body
    from route r join connection c on c.id = r.connection_id
    left join lateral (select body from mapping where connection_id = c.id order by version desc limit 1) m on true
    where r.dataset_id = any(${routes.map((route) => route.dataset_id)}::int[]) and c.state <> 'removed'
      and c.crm <> all(${capturingSources()}::text[])
    order by r.dataset_id, r.mode = 'shadow', c.id`.execute(db)
  return new Map(
    found.rows.map((row) => {
      const { rawLead } = stageMapping.parse(row.body ?? {})
      const rules = rulesSchema.parse(row.rules)
      const leftToCrm = asksConsent(rules) && !asksConsent(own)
      const speaker = {
        leadEventSource: leadEventSource(row.crm, row.settings),
        rawLead: leftToCrm ? { ...rawLead, enabled: false } : rawLead,
        rules,
        mode: row.mode,
      }
      return [row.dataset_id, speaker]
    }),
  )
}

const asksConsent = ({ consent, optOut }: Rules): boolean => consent.length + optOut.length > 0

const USE = ['off', 'us_states', 'always'] as const

/** Rules for captured leads: what is held back of people in the CRM is held back here, too. Pure. */
export function asStrictAs(own: Rules, speakers: Iterable<Pick<Speaker, 'rules'>>): Rules {
  const strict = { ...own }
  for (const { rules } of speakers) {
    if (rules.whichLeads === 'lead_id_only') strict.whichLeads = rules.whichLeads
    if (USE.indexOf(rules.limitedDataUse) > USE.indexOf(strict.limitedDataUse)) strict.limitedDataUse = rules.limitedDataUse
    if (rules.leadIdEncoding === 'string') strict.leadIdEncoding = rules.leadIdEncoding
    strict.defaultCountry ??= rules.defaultCountry
  }
  return strict
}
