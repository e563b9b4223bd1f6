/** The instant forms of a page: which there are, what they are called, and which of their leads are tests. */
import { z } from 'zod'
import type { ConnectionContext, CrmRequest } from '../connector.ts'
import { readReply } from './errors.ts'
import { inParts } from './in-parts.ts'
import { type LeadNode, mayBeTest } from './lead.ts'
import { readEdge } from './read-edge.ts'
import { unlessRefused } from './unless-refused.ts'

export interface Form {
  id: string
  name?: string
}

const form = z.object({ id: z.string().regex(/^\d{1,20}$/), name: z.string().optional().catch(undefined) })
const counted = form.extend({ leads_count: z.number().optional().catch(undefined) })
const named = z.record(z.string(), form)

/** All forms of the page that ever had a lead. */
export async function listForms({ client, account }: ConnectionContext, bucket?: string): Promise<Form[]> {
  const found = await readEdge(client, { url: `/${account}/leadgen_forms`, query: { fields: 'id,name,leads_count' }, bucket }, counted)
  return found.flatMap(({ id, name, leads_count }) => (leads_count === 0 ? [] : [{ id, ...(name !== undefined && { name }) }]))
}

/** Names by form. Those that Meta does not show are left out: a lead is worth as much without. */
export async function readFormNames({ client }: ConnectionContext, ids: readonly string[]): Promise<Map<string, string>> {
  const parts = await Promise.all(
    inParts(ids).map(async (part) => {
      const request: CrmRequest = { method: 'GET', url: '/', query: { ids: part.join(','), fields: 'id,name' } }
      return unlessRefused(async () => Object.values(readReply(named, (await client.request(request)).body)), [])
    }),
  )
  return new Map(parts.flat().flatMap(({ id, name }) => (name === undefined ? [] : [[id, name] as const])))
}

/** Ids of the test leads among these. Only the form's own list of them tells (Meta, lead ads testing); it has one at most. */
export async function findTests({ client }: ConnectionContext, leads: readonly LeadNode[], bucket?: string): Promise<Set<string>> {
  const forms = new Set(leads.filter(mayBeTest).flatMap(({ form_id }) => form_id ?? []))
  const testsOf = (id: string) => readEdge(client, { url: `/${id}/test_leads`, query: { fields: 'id' }, bucket }, form)
  // A form that is gone has no test lead left.
  const found = await Promise.all([...forms].map((id) => unlessRefused(() => testsOf(id), [], 'not_found')))
  return new Set(found.flat().map(({ id }) => id))
}
