/** Reading leads as Meta has them (Meta, lead ads retrieving): many in one request, each alone where one of them cannot be shown. */
import { z } from 'zod'
import type { ConnectionContext, LookupRequest, RecordSnapshot } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { readReply } from './errors.ts'
import { findTests, readFormNames } from './forms.ts'
import { inParts } from './in-parts.ts'
import { LEAD, type LeadNode, leadFields, leadNode, snapshotOf } from './lead.ts'
import { accessRefused, readLeadAccess } from './lead-access.ts'
import { unlessRefused } from './unless-refused.ts'

const leadsById = z.record(z.string(), leadNode)

/** See `Connector.lookup`. A lead that Meta does not show is gone only while we may read the page's leads at all. */
export async function lookup(context: ConnectionContext, wanted: readonly LookupRequest[]): Promise<RecordSnapshot[]> {
  const isLead = ({ ref }: LookupRequest) => ref.type === LEAD && /^\d{1,20}$/.test(ref.id)
  const ids = wanted.filter(isLead).map(({ ref }) => ref.id)
  const leads = (await Promise.all(inParts(ids).map((part) => readLeads(context, part)))).flat()
  if (leads.length < new Set(ids).size) {
    const access = await readLeadAccess(context)
    if (!access.may) throw accessRefused(access)
  }
  const [names, tests] = await Promise.all([
    readFormNames(
      context,
      leads.flatMap(({ form_id }) => form_id ?? []),
    ),
    findTests(context, leads),
  ])
  const { ruleFields } = context
  const shown = new Map(
    leads.map((lead) => [lead.id, snapshotOf(lead, { formName: names.get(lead.form_id ?? ''), isTest: tests.has(lead.id), ruleFields })]),
  )
  return wanted.map((one) => (isLead(one) ? shown.get(one.ref.id) : undefined) ?? { ref: one.ref, found: false, stages: [], fields: {} })
}

/** One lead that cannot be shown has Meta refuse the request for all. */
async function readLeads(context: ConnectionContext, ids: readonly string[]): Promise<LeadNode[]> {
  const fields = leadFields(context.scopes)
  if (ids.length > 1)
    try {
      const { body } = await context.client.request({ method: 'GET', url: '/', query: { ids: ids.join(','), fields } })
      return Object.values(readReply(leadsById, body))
    } catch (error) {
      if (!isOfOne(error)) throw error
    }
  const alone = await Promise.all(ids.map((id) => readLead(context, id, fields)))
  return alone.filter((lead) => lead !== undefined)
}

function readLead({ client }: ConnectionContext, id: string, fields: string): Promise<LeadNode | undefined> {
  const read = async () => readReply(leadNode, (await client.request({ method: 'GET', url: `/${id}`, query: { fields } })).body)
  return unlessRefused<LeadNode | undefined>(read, undefined, 'not_found')
}

/** One of many may be at fault. */
const isOfOne = (error: unknown) => error instanceof CodedError && error.retry === 'never' && error.scope !== 'connection'
