/** Leads that have not reached the CRM, for people and as a file. */
import { z } from 'zod'
import { transaction } from '../database/transaction.ts'
import { findMissing, type Missing, type MissingLead } from '../leads/missing.ts'
import { audit, type Caller } from './caller.ts'
import { csvHead, csvLeadId, csvLine } from './csv.ts'
import { findWorkspace } from './find.ts'
import { placeText, readPlace } from './place.ts'
import { parseInput, problem } from './problem.ts'

const MOST = 1_000
const limitInput = z.int().min(1).max(MOST)
/** A week, after which leads are not looked for. */
const minutesInput = z
  .int()
  .min(0)
  .max(7 * 24 * 60 - 1)

/** A page of the list; `next` is where the next one begins. */
export type MissingPage = Omit<Missing, 'next'> & { next?: string }

/**
 * Leads of the last week that have not reached the CRM in time, the latest first, a page at a time; or why that cannot be said now.
 * Throws `CodedError` `workspace_unknown`, `invalid_input`.
 *
 * @param options.limit 1 to 1,000; 100 by default
 * @param options.after `next` of the page before
 */
export async function listMissingLeads(
  caller: Caller,
  workspace: string | number,
  { limit = 100, after }: { limit?: number; after?: string | undefined } = {},
): Promise<MissingPage> {
  const most = parseInput(limitInput, limit, 'The limit')
  const place = after === undefined ? undefined : readPlace(after, /^\d{15,17}$/)
  const { id } = await findWorkspace(caller, workspace)
  const { next, ...page } = await findMissing(caller.db, id, {
    limit: most,
    after: place && { generatedAt: place.at, metaLeadId: place.id },
  })
  return { ...page, ...(next && { next: placeText({ at: next.generatedAt, id: next.metaLeadId }) }) }
}

/**
 * All of them as CSV, the latest first, in pieces. Throws as `listMissingLeads`, and `missing_untold` where it cannot be said which
 * there are: a file that ends there would say that there are no more.
 */
export async function* exportMissingLeads(caller: Caller, workspace: string | number): AsyncGenerator<string> {
  let page = await listMissingLeads(caller, workspace, { limit: MOST })
  if (!page.isTold && page.leads.length === 0) throw problem('missing_untold', NOT_TOLD)
  for (let head = csvHead(headings); ; head = '') {
    if (page.hindrance !== null) throw problem('missing_untold', page.hindrance.text)
    yield head + page.leads.map(line).join('')
    if (page.next === undefined) return
    page = await listMissingLeads(caller, workspace, { limit: MOST, after: page.next })
  }
}

const headings = ['generated_at', 'meta_lead_id', 'form_id', 'form', 'campaign_id', 'campaign', 'ad_id', 'ad', 'person_in_crm']
export const NOT_TOLD = 'No Facebook page is connected, so nobody here knows which leads there were.'

const line = ({ generatedAt, metaLeadId, form, campaign, ad, knownBefore }: MissingLead) =>
  csvLine([
    ...[generatedAt, csvLeadId(metaLeadId)],
    ...[form, campaign, ad].flatMap((named) => [named?.id, named?.name]),
    knownBefore ? 'from before' : 'no',
  ])

/**
 * Sets after how many minutes leads of a workspace are missed; 0: never. `guard` is told what is set now, which nobody changes
 * meanwhile, and throws where the change must not be made on it. Throws as `listMissingLeads`.
 */
export async function setMissingAfter(
  caller: Caller,
  workspace: string | number,
  minutes: number,
  guard?: (current: number) => Promise<void> | void,
): Promise<{ afterMinutes: number }> {
  const afterMinutes = parseInput(minutesInput, minutes, 'The time')
  return transaction(caller.db, async (trx) => {
    const { id, missing_after_minutes: current } = await findWorkspace(caller, workspace, { trx, lock: true })
    await guard?.(current)
    await trx.updateTable('workspace').set({ missing_after_minutes: afterMinutes }).where('id', '=', id).execute()
    const subject = `workspace:${id}`
    await audit(trx, caller, { workspaceId: id, action: 'workspace.missing_after', subject, detail: { minutes: afterMinutes } })
    return { afterMinutes }
  })
}
