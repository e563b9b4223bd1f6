/**
 * From rows of history to the stages that a record reached, oldest first. Pure. Times are those of the rows and of the
 * record's creation, so that whoever reads the same rows says the same.
 */

/** A stage (by its API name), and when it was reached (ms). */
export interface Reached {
  stage: string
  at: number
}
/** A row of a field's history. */
export interface FieldChange {
  from?: string
  to?: string
  at: number
}

/** A first row so soon after the creation was written by it. */
const AT_CREATION_MS = 5_000
/** Instants of records are whole seconds. */
const SAME_SECOND_MS = 1_000

export interface LeadFacts {
  createdAt: number
  /** When anything of it last changed. */
  modifiedAt: number
  status?: string
  isConverted: boolean
  /** When the opportunity came to be that the conversion made. */
  convertedAt?: number
}

/**
 * The first status is what the earliest row changed from; without rows it is today's, but only if the org keeps this history
 * (`tracked`) or the lead was never touched. A conversion that left no row is dated by its opportunity.
 */
export function leadStages(lead: LeadFacts, rows: readonly FieldChange[], tracked: boolean): Reached[] {
  const [earliest] = rows
  const untouched = lead.modifiedAt - lead.createdAt < SAME_SECOND_MS
  const first = earliest ? earliest.from : untouched || (tracked && !lead.isConverted) ? lead.status : undefined
  const reached = distinct([{ stage: first, at: lead.createdAt }, ...rows.map(({ to, at }) => ({ stage: to, at }))])
  const converted = lead.isConverted && lead.convertedAt !== undefined && reached.at(-1)?.stage !== lead.status
  return converted ? distinct([...reached, { stage: lead.status, at: lead.convertedAt as number }]) : reached
}

/**
 * Salesforce writes a row for changes of amount and close date as well, so a stage counts where it differs from the row
 * before. Without rows nothing ever changed. Where the first row is later than the creation, the field's own history
 * (`changes`, where the org keeps it) tells what the first stage was; else it stays unknown.
 */
export function opportunityStages(
  opportunity: { createdAt: number; stage?: string },
  rows: readonly Reached[],
  changes: readonly FieldChange[] = [],
): Reached[] {
  const { createdAt, stage } = opportunity
  if (rows.length === 0) return distinct([{ stage, at: createdAt }])
  const first = startsLate(opportunity, rows) ? [{ stage: changes[0]?.from, at: createdAt }] : []
  return distinct([...first, ...rows])
}

/** Whether the rows do not say at which stage the opportunity was created. */
export const startsLate = ({ createdAt }: { createdAt: number }, rows: readonly Reached[]): boolean =>
  (rows[0]?.at ?? createdAt) - createdAt >= AT_CREATION_MS

function distinct(reached: readonly { stage?: string; at: number }[]): Reached[] {
  return reached
    .filter((one): one is Reached => one.stage !== undefined && one.stage !== '')
    .filter((one, index, all) => one.stage !== all[index - 1]?.stage)
}
