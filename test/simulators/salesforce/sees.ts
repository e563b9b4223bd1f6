import type { Org, OrgUser, Row } from './org.ts'

/** By which field a row of a history belongs to a record, and of which object. */
const histories: Record<string, [field: string, object: string]> = {
  LeadHistory: ['LeadId', 'Lead'],
  OpportunityHistory: ['OpportunityId', 'Opportunity'],
  OpportunityFieldHistory: ['OpportunityId', 'Opportunity'],
}

/** Whether a user gets to see a row: who sees a record sees its history. `all`: also what is in the recycle bin. */
export function sees({ org, user, all }: { org: Org; user: OrgUser; all: boolean }, object: string, row: Row): boolean {
  const [field, of] = histories[object] ?? ['Id', object]
  const record = of === object ? row : org.table(of).get(String(row[field]))
  if (record === undefined || (record.IsDeleted && !all)) return false
  if (org.facts.sharing === 'public' || record.OwnerId === undefined || user.viewAllData) return true
  return record.OwnerId === user.id || user.viewAll.some((entity) => entity === of)
}
