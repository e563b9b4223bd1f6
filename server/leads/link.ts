/**
 * Which Meta lead a record belongs to. Link first, then take milestones: a record finds its lead by the Meta lead id it
 * carries, else by match keys shared with leads already known in the workspace; joining two leads unites their milestones.
 *
 * Locks: the caller holds its records. Here the match keys are locked next (advisory, in order), then the leads in id
 * order; a lookup in flight and another connection of the same workspace therefore never see half a link.
 */
import { sql } from 'kysely'
import { rows } from '../database/rows.ts'
import type { Trx } from '../database/transaction.ts'

export interface MatchKey {
  /** The Meta key: em, ph or fbc. */
  kind: string
  /** Lower-case hex. */
  hash: string
}

/** A record that wants a lead. */
export interface Claimant {
  recordId: string
  /** The lead it has already. */
  leadId: string | null
  /** Leads of records that were merged into this one. */
  mergedLeadIds?: readonly string[]
  metaLeadId?: string
  keys: readonly MatchKey[]
  /** Counts as a lead even without a Meta lead id (confirmed source, or the rule that lets anyone count). */
  counts: boolean
  isTest: boolean
  generatedAt?: number
  /** When the CRM or we learned of the lead that it carries now. */
  learnedAt: number
}

export interface Lead {
  id: string
  metaLeadId: string | null
  generatedAt: number | null
  learnedAt: number
  isTest: boolean
}

/** `anew`: the record belonged to another Meta lead before, the same person's. */
export type Link = { kind: 'linked'; lead: Lead; anew: boolean } | { kind: 'none' } | { kind: 'ambiguous' }

export interface Links {
  /** By record id. */
  links: Map<string, Link>
  /** Every lead that is locked now, by the id it went by before: a joined lead leads to the one it became. */
  leads: Map<string, Lead>
}

/**
 * Links every claimant, creating and joining leads as needed.
 * @param others leads of records that are not in question; locked with the rest
 */
export async function linkLeads(trx: Trx, workspaceId: number, claimants: readonly Claimant[], others: readonly string[]): Promise<Links> {
  await lockKeys(trx, workspaceId, claimants)
  const byMetaId = await leadsByMetaId(trx, workspaceId, claimants)
  const byKey = await leadsByKey(trx, workspaceId, claimants)
  const byId = await readLeads(
    trx,
    claimants.flatMap((claimant) => heldLeads(claimant)),
  )
  const chosen = new Map<string, string | 'ambiguous'>()
  const anew = new Set<string>()
  const becomes = new Map<string, string>()
  const current = (id: string): string => {
    const into = becomes.get(id)
    return into === undefined ? id : current(into)
  }
  const join = async (from: Lead, into: string) => {
    if (from.metaLeadId !== null || current(from.id) === current(into)) return
    await joinLeads(trx, workspaceId, current(from.id), current(into))
    becomes.set(current(from.id), current(into))
  }

  for (const claimant of claimants) {
    const held = heldLeads(claimant).flatMap((id) => byId.get(id) ?? [])
    const candidates = candidatesOf(claimant, byKey)
    const named = claimant.metaLeadId === undefined ? undefined : byMetaId.get(claimant.metaLeadId)
    const own = named ?? latest(held.filter((lead) => lead.metaLeadId !== null)) ?? held[0]
    if (own !== undefined) {
      // Whom we knew by contact data alone, or before a merge, turns out to be this lead.
      for (const lead of held) await join(lead, own.id)
      if (named !== undefined) for (const lead of candidates.all) await join(lead, own.id)
      chosen.set(claimant.recordId, own.id)
      if (held.some((lead) => lead.id === claimant.leadId && lead.metaLeadId !== null && lead.id !== own.id)) anew.add(claimant.recordId)
    } else if (candidates.ambiguous) chosen.set(claimant.recordId, 'ambiguous')
    else if (candidates.best !== undefined) chosen.set(claimant.recordId, candidates.best.id)
    else if (claimant.counts && claimant.keys.length > 0) {
      const lead = await createNameless(trx, workspaceId, claimant)
      for (const key of claimant.keys) byKey.set(keyText(key), [...(byKey.get(keyText(key)) ?? []), lead])
      chosen.set(claimant.recordId, lead.id)
    }
  }

  const wanted = [...[...chosen.values()].filter((id) => id !== 'ambiguous'), ...others]
  const locked = await lockLeads(trx, wanted.map(current))
  const leads = new Map(
    wanted.flatMap((id) => {
      const lead = locked.get(current(id))
      return lead === undefined ? [] : [[id, lead] as const]
    }),
  )
  await rememberKeys(trx, workspaceId, claimants, (recordId) => leads.get(chosen.get(recordId) ?? '')?.id)

  const links = new Map<string, Link>()
  for (const claimant of claimants) {
    const id = chosen.get(claimant.recordId)
    const lead = id === undefined ? undefined : leads.get(id)
    links.set(
      claimant.recordId,
      id === 'ambiguous'
        ? { kind: 'ambiguous' }
        : lead === undefined
          ? { kind: 'none' }
          : { kind: 'linked', lead, anew: anew.has(claimant.recordId) },
    )
  }
  return { links, leads }
}

const heldLeads = (claimant: Claimant): string[] => [
  ...(claimant.leadId === null ? [] : [claimant.leadId]),
  ...(claimant.mergedLeadIds ?? []),
]
const latest = (leads: readonly Lead[]): Lead | undefined =>
  leads.reduce<Lead | undefined>((best, lead) => (best === undefined || begun(lead) > begun(best) ? lead : best), undefined)
/** Where Meta has not told when it generated a lead, the moment at which somebody learned of it comes closest. */
const begun = (lead: Lead): number => lead.generatedAt ?? lead.learnedAt

const keyText = (key: MatchKey) => `${key.kind}:${key.hash}`

/**
 * Leads that share a key with the claimant. Leads that share one key are the same person's: the latest generated before the
 * claimant was learned of is meant. Different keys that lead to different people are ambiguous and never guessed.
 */
function candidatesOf(claimant: Claimant, byKey: Map<string, Lead[]>): { all: Lead[]; best?: Lead; ambiguous: boolean } {
  const perKey = claimant.keys.map((key) => byKey.get(keyText(key)) ?? []).filter((leads) => leads.length > 0)
  const all = [...new Map(perKey.flat().map((lead) => [lead.id, lead])).values()]
  if (perKey.length === 0) return { all, ambiguous: false }
  const shared = all.filter((lead) => perKey.every((leads) => leads.some((other) => other.id === lead.id)))
  if (shared.length === 0) return { all, ambiguous: true }
  const early = shared.filter((lead) => begun(lead) <= claimant.learnedAt)
  return { all, best: latest(early.length > 0 ? early : shared), ambiguous: false }
}

/** PostgreSQL has room for a few thousand locks in all, so the keys of a workspace share this many. */
const KEY_LOCKS = 256

/** Two transactions that both meet a new person must not create two leads: whoever comes second waits and then finds the first's. */
async function lockKeys(trx: Trx, workspaceId: number, claimants: readonly Claimant[]): Promise<void> {
  const locks = new Set<number>()
  for (const claimant of claimants) {
    if (claimant.leadId !== null && claimant.metaLeadId === undefined) continue
    for (const key of claimant.keys) locks.add(Number.parseInt(key.hash.slice(0, 8), 16) % KEY_LOCKS)
  }
  if (locks.size === 0) return
  const sorted = [...locks].sort((a, b) => a - b)
  await sql`
    select pg_advisory_xact_lock(${workspaceId}::int, k) from unnest(${sorted}::int[]) with ordinality as v(k, n) order by n`.execute(trx)
}

interface LeadRow {
  id: string
  meta_lead_id: string | null
  generated_at: Date | null
  learned_at: Date
  is_test: boolean
}
const asLead = (row: LeadRow): Lead => ({
  id: row.id,
  metaLeadId: row.meta_lead_id,
  generatedAt: row.generated_at?.getTime() ?? null,
  learnedAt: row.learned_at.getTime(),
  isTest: row.is_test,
})

async function leadsByMetaId(trx: Trx, workspaceId: number, claimants: readonly Claimant[]): Promise<Map<string, Lead>> {
  const wanted = new Map<string, Claimant>()
  for (const claimant of claimants) if (claimant.metaLeadId !== undefined) wanted.set(claimant.metaLeadId, claimant)
  if (wanted.size === 0) return new Map()
  const items = [...wanted]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([meta_lead_id, claimant]) => ({
      meta_lead_id,
      learned_at: new Date(claimant.learnedAt),
      generated_at: claimant.generatedAt === undefined ? null : new Date(claimant.generatedAt),
      is_test: claimant.isTest,
    }))
  await sql`
    insert into lead (workspace_id, meta_lead_id, learned_at, generated_at, is_test)
    select ${workspaceId}, v.meta_lead_id, v.learned_at, v.generated_at, v.is_test
    from ${rows('v', { meta_lead_id: 'text', learned_at: 'timestamptz', generated_at: 'timestamptz', is_test: 'boolean' }, items)}
    on conflict do nothing`.execute(trx)
  const found = await trx
    .selectFrom('lead')
    .select(['id', 'meta_lead_id', 'generated_at', 'learned_at', 'is_test'])
    .where('workspace_id', '=', workspaceId)
    .where('meta_lead_id', 'in', [...wanted.keys()])
    .execute()
  return new Map(found.map((row) => [row.meta_lead_id as string, asLead(row)]))
}

async function leadsByKey(trx: Trx, workspaceId: number, claimants: readonly Claimant[]): Promise<Map<string, Lead[]>> {
  const wanted = new Map<string, MatchKey>()
  for (const claimant of claimants) {
    if (claimant.leadId !== null && claimant.metaLeadId === undefined) continue
    for (const key of claimant.keys) wanted.set(keyText(key), key)
  }
  const byKey = new Map<string, Lead[]>()
  if (wanted.size === 0) return byKey
  const items = [...wanted.values()].map((key) => ({ kind: key.kind, hash: Buffer.from(key.hash, 'hex') }))
  const found = await sql<LeadRow & { kind: string; hash: Buffer }>`
    select k.kind, k.hash, l.id, l.meta_lead_id, l.generated_at, l.learned_at, l.is_test
    from ${rows('v', { kind: 'text', hash: 'bytea' }, items)}
    join lead_key k on k.workspace_id = ${workspaceId} and k.kind = v.kind and k.hash = v.hash
    join lead l on l.id = k.lead_id
    order by l.id`.execute(trx)
  for (const row of found.rows) {
    const text = keyText({ kind: row.kind, hash: row.hash.toString('hex') })
    byKey.set(text, [...(byKey.get(text) ?? []), asLead(row)])
  }
  return byKey
}

async function readLeads(trx: Trx, ids: readonly string[]): Promise<Map<string, Lead>> {
  if (ids.length === 0) return new Map()
  const found =
    await sql<LeadRow>`select id, meta_lead_id, generated_at, learned_at, is_test from lead where id = any(${[...new Set(ids)]}::bigint[])`.execute(
      trx,
    )
  return new Map(found.rows.map((row) => [row.id, asLead(row)]))
}

async function createNameless(trx: Trx, workspaceId: number, claimant: Claimant): Promise<Lead> {
  const row = await trx
    .insertInto('lead')
    .values({
      workspace_id: workspaceId,
      meta_lead_id: null,
      learned_at: new Date(claimant.learnedAt),
      generated_at: claimant.generatedAt === undefined ? null : new Date(claimant.generatedAt),
      is_test: claimant.isTest,
    })
    .returning(['id', 'meta_lead_id', 'generated_at', 'learned_at', 'is_test'])
    .executeTakeFirstOrThrow()
  return asLead(row)
}

async function lockLeads(trx: Trx, ids: readonly string[]): Promise<Map<string, Lead>> {
  if (ids.length === 0) return new Map()
  const found = await sql<LeadRow>`
    select id, meta_lead_id, generated_at, learned_at, is_test from lead where id = any(${[...new Set(ids)]}::bigint[]) order by id for update`.execute(
    trx,
  )
  return new Map(found.rows.map((row) => [row.id, asLead(row)]))
}

async function rememberKeys(
  trx: Trx,
  workspaceId: number,
  claimants: readonly Claimant[],
  leadOf: (recordId: string) => string | undefined,
): Promise<void> {
  const items = new Map<string, { kind: string; hash: Buffer; lead_id: string }>()
  for (const claimant of claimants) {
    const leadId = leadOf(claimant.recordId)
    if (leadId === undefined) continue
    for (const key of claimant.keys)
      items.set(`${keyText(key)} ${leadId}`, { kind: key.kind, hash: Buffer.from(key.hash, 'hex'), lead_id: leadId })
  }
  if (items.size === 0) return
  const sorted = [...items].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item)
  await sql`
    insert into lead_key (workspace_id, kind, hash, lead_id)
    select ${workspaceId}, v.kind, v.hash, v.lead_id from ${rows('v', { kind: 'text', hash: 'bytea', lead_id: 'bigint' }, sorted)}
    on conflict do nothing`.execute(trx)
}

/**
 * `from` turns out to be the same lead as `into`. Records, keys and milestones move over; an event of `from` that has not
 * gone yet and whose milestone `into` already holds must not go a second time.
 */
async function joinLeads(trx: Trx, workspaceId: number, from: string, into: string): Promise<void> {
  await sql`select id from lead where id = any(${[from, into]}::bigint[]) order by id for update`.execute(trx)
  await sql`
    with doubled as (
      select m.event_id, m.occurred_at from milestone m
      join milestone kept on kept.dataset_id = m.dataset_id and kept.event_name = m.event_name and kept.lead_id = ${into}
      where m.lead_id = ${from}
    ), unsent as (
      delete from outbox o using doubled d where o.occurred_at = d.occurred_at and o.event_id = d.event_id returning o.occurred_at, o.event_id
    )
    update ledger l set outcome = 'suppressed', reason = 'already_reached', settled_at = now()
    from unsent u where l.occurred_at = u.occurred_at and l.event_id = u.event_id`.execute(trx)
  await sql`
    insert into milestone (dataset_id, lead_id, event_name, occurred_at, event_id)
    select dataset_id, ${into}, event_name, occurred_at, event_id from milestone where lead_id = ${from} on conflict do nothing`.execute(
    trx,
  )
  await sql`
    insert into lead_key (workspace_id, kind, hash, lead_id)
    select workspace_id, kind, hash, ${into} from lead_key where lead_id = ${from} and workspace_id = ${workspaceId} on conflict do nothing`.execute(
    trx,
  )
  await sql`update outbox set lead_id = ${into} where record_id in (select id from record where lead_id = ${from})`.execute(trx)
  await sql`update ledger set lead_id = ${into} where record_id in (select id from record where lead_id = ${from}) and lead_id = ${from}`.execute(
    trx,
  )
  await sql`update record set lead_id = ${into} where lead_id = ${from}`.execute(trx)
  await sql`delete from milestone where lead_id = ${from}`.execute(trx)
  await sql`delete from lead_key where lead_id = ${from}`.execute(trx)
  await sql`delete from lead where id = ${from}`.execute(trx)
}
