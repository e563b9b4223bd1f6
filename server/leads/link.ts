/**
 * Which Meta lead a record belongs to. Link first, then take milestones: a record finds its lead by the Meta lead id it
 * carries, else by match keys shared with leads already known in the workspace; joining two leads unites their milestones.
 * What Meta itself tells of a lead comes in here, too: a captured lead is a record that carries its own id.
 *
 * Locks: the caller holds its records. Here the match keys are locked next (advisory, in order), then the leads in id
 * order; a lookup in flight and another connection of the same workspace therefore never see half a link.
 */
import { sql } from 'kysely'
import { rows } from '../database/rows.ts'
import type { Trx } from '../database/transaction.ts'
import { type Captured, takeCaptured } from './captured.ts'

export interface MatchKey {
  /** The Meta key. */
  kind: 'em' | 'ph' | 'fbc'
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
  /** When the CRM or we learned of the lead that it carries now. */
  learnedAt: number
  /** What Meta tells of the lead, and to which connection (null: an import). */
  captured?: Captured
}

export interface Lead {
  id: string
  metaLeadId: string | null
  generatedAt: number | null
  learnedAt: number
  isTest: boolean
  /** Meta itself told of it. */
  captured: boolean
}

/**
 * `anew`: the record belonged to another lead before, the same person's. `leads`: all leads of the person, where the record does
 * not say which one it is; see `leadAt`.
 */
export type Link = { kind: 'linked'; lead: Lead; leads: Lead[]; anew: boolean } | { kind: 'none' } | { kind: 'ambiguous' }

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
  const { byKey, kindsOf } = await leadsByKey(trx, workspaceId, claimants)
  const byId = await readLeads(
    trx,
    claimants.flatMap((claimant) => heldLeads(claimant)),
  )
  const chosen = new Map<string, { id: string; leads: string[] } | 'ambiguous'>()
  const anew = new Set<string>()
  const news: (Captured & { leadId: string; isAnew: boolean })[] = []
  const becomes = new Map<string, string>()
  const current = (id: string): string => {
    const into = becomes.get(id)
    return into === undefined ? id : current(into)
  }
  /** A lead without an id turns out to be this one, unless it was known before this one was generated. */
  const join = async (from: Lead, into: Lead): Promise<void> => {
    if (from.metaLeadId !== null || current(from.id) === current(into.id) || isEarlier(from, into)) return
    await joinLeads(trx, workspaceId, current(from.id), current(into.id))
    becomes.set(current(from.id), current(into.id))
  }

  for (const claimant of claimants) {
    const held = heldLeads(claimant).flatMap((id) => byId.get(id) ?? [])
    const candidates = candidatesOf(claimant, byKey, kindsOf)
    const named = claimant.metaLeadId === undefined ? undefined : byMetaId.get(claimant.metaLeadId)
    const known = named ?? latest(held.filter((lead) => lead.metaLeadId !== null)) ?? held[0]
    if (known !== undefined) {
      // Whom we knew by contact data alone, or before a merge, turns out to be this lead.
      for (const lead of held) await join(lead, known)
      if (named !== undefined) for (const lead of candidates.leads) await join(lead, named)
      const leads = named === undefined ? realFirst(unique([...held, ...candidates.leads])) : [named]
      const own = named ?? leadAt(leads, claimant.learnedAt, leads.find(({ id }) => id === known.id) ?? (leads[0] as Lead))
      chosen.set(claimant.recordId, { id: own.id, leads: leads.map(({ id }) => id) })
      const before = held.find((lead) => lead.id === claimant.leadId)
      if (before !== undefined && current(before.id) !== current(own.id)) anew.add(claimant.recordId)
    } else if (candidates.ambiguous) chosen.set(claimant.recordId, 'ambiguous')
    else if (candidates.leads.length > 0) {
      const own = leadAt(candidates.leads, claimant.learnedAt, latest(candidates.leads) as Lead)
      chosen.set(claimant.recordId, { id: own.id, leads: candidates.leads.map(({ id }) => id) })
    } else if (claimant.counts && claimant.keys.some(isContact)) {
      const lead = await createNameless(trx, workspaceId, claimant)
      for (const key of claimant.keys) byKey.set(keyText(key), [...(byKey.get(keyText(key)) ?? []), lead])
      chosen.set(claimant.recordId, { id: lead.id, leads: [lead.id] })
    }
  }

  const wanted = [...[...chosen.values()].flatMap((choice) => (choice === 'ambiguous' ? [] : [choice.id, ...choice.leads])), ...others]
  const locked = await lockLeads(trx, wanted.map(current))
  for (const { metaLeadId, captured } of claimants) {
    const lead = captured && locked.get(byMetaId.get(metaLeadId ?? '')?.id ?? '')
    if (lead === undefined) continue
    news.push({ leadId: lead.id, ...(captured as Captured), isAnew: !lead.captured })
    lead.generatedAt = captured?.generatedAt ?? lead.generatedAt
    lead.isTest ||= captured?.isTest === true
    lead.captured = true
  }
  await takeCaptured(trx, workspaceId, news)
  const leads = new Map(
    wanted.flatMap((id) => {
      const lead = locked.get(current(id))
      return lead === undefined ? [] : [[id, lead] as const]
    }),
  )
  const links = new Map<string, Link>()
  for (const { recordId } of claimants) links.set(recordId, linkOf(chosen.get(recordId), leads, anew.has(recordId)))
  await rememberKeys(trx, workspaceId, claimants, (recordId) => {
    const link = links.get(recordId)
    return link?.kind === 'linked' ? link.lead.id : undefined
  })
  return { links, leads }
}

function linkOf(choice: { id: string; leads: string[] } | 'ambiguous' | undefined, leads: ReadonlyMap<string, Lead>, anew: boolean): Link {
  if (choice === 'ambiguous') return { kind: 'ambiguous' }
  const lead = choice && leads.get(choice.id)
  if (lead === undefined) return { kind: 'none' }
  return { kind: 'linked', lead, leads: unique((choice as { leads: string[] }).leads.flatMap((id) => leads.get(id) ?? [])), anew }
}

const heldLeads = (claimant: Claimant): string[] => [
  ...(claimant.leadId === null ? [] : [claimant.leadId]),
  ...(claimant.mergedLeadIds ?? []),
]
const unique = (leads: readonly Lead[]): Lead[] => [...new Map(leads.map((lead) => [lead.id, lead])).values()]
/** Without test leads, where there are others. */
const realFirst = (leads: Lead[]): Lead[] => {
  const real = leads.filter(({ isTest }) => !isTest)
  return real.length > 0 ? real : leads
}
const latest = (leads: readonly Lead[]): Lead | undefined =>
  leads.reduce<Lead | undefined>((best, lead) => (best === undefined || begun(lead) > begun(best) ? lead : best), undefined)
/** Where Meta has not told when it generated a lead, the moment at which somebody learned of it comes closest. */
const begun = (lead: Lead): number => lead.generatedAt ?? lead.learnedAt

/** To which of one person's leads something of the instant `at` (ms) belongs: the latest that was generated before, if any was. */
export function leadAt(leads: readonly Lead[], at: number, otherwise: Lead): Lead {
  return latest(leads.filter((lead) => begun(lead) <= at)) ?? otherwise
}

/** Clocks of Meta and a CRM may differ by so much; ms. */
const CLOCKS_MS = 60_000
/** Whoever was known before this lead was generated was somebody then already, and becomes this lead anew. */
const isEarlier = (lead: Lead, than: Lead): boolean => than.generatedAt !== null && lead.learnedAt < than.generatedAt - CLOCKS_MS

const keyText = (key: MatchKey) => `${key.kind}:${key.hash}`
/** A click may be shared with a link; an address or number is somebody's own. */
const isContact = ({ kind }: MatchKey): boolean => kind !== 'fbc'

/**
 * The leads of the claimant's person, by shared keys; by click ids only where contact data leads nowhere, and test leads only where
 * there is no other. Leads that are found by
 * each key that leads anywhere are one person's, and so is a lead that shares one of the keys and has none of the others' kinds.
 * Different keys that lead to different people are ambiguous and never guessed.
 */
function candidatesOf(
  claimant: Claimant,
  byKey: ReadonlyMap<string, Lead[]>,
  kindsOf: ReadonlyMap<string, ReadonlySet<string>>,
): { leads: Lead[]; ambiguous: boolean } {
  const leadsOf = (key: MatchKey) => byKey.get(keyText(key)) ?? []
  const isReal = claimant.keys.some((key) => leadsOf(key).some(({ isTest }) => !isTest))
  const found = (keys: readonly MatchKey[]) =>
    keys
      .map((key) => ({ kind: key.kind, leads: leadsOf(key).filter(({ isTest }) => !isTest || !isReal) }))
      .filter(({ leads }) => leads.length > 0)
  const byContact = found(claimant.keys.filter(isContact))
  const perKey = byContact.length > 0 ? byContact : found(claimant.keys)
  if (perKey.length === 0) return { leads: [], ambiguous: false }
  const has = (lead: Lead, leads: readonly Lead[]) => leads.some(({ id }) => id === lead.id)
  const all = unique(perKey.flatMap(({ leads }) => leads))
  if (!all.some((lead) => perKey.every(({ leads }) => has(lead, leads)))) return { leads: [], ambiguous: true }
  const saysOtherwise = (lead: Lead) => perKey.some(({ kind, leads }) => !has(lead, leads) && kindsOf.get(lead.id)?.has(kind) === true)
  return { leads: all.filter((lead) => !saysOtherwise(lead)), ambiguous: false }
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
  captured: boolean
}
const columns = sql`l.id, l.meta_lead_id, l.generated_at, l.learned_at, l.is_test, l.captured_at is not null as captured`
const asLead = (row: LeadRow): Lead => ({
  id: row.id,
  metaLeadId: row.meta_lead_id,
  generatedAt: row.generated_at?.getTime() ?? null,
  learnedAt: row.learned_at.getTime(),
  isTest: row.is_test,
  captured: row.captured,
})

/** The leads that claimants name, with what is captured of them now; those that are not known are created. */
async function leadsByMetaId(trx: Trx, workspaceId: number, claimants: readonly Claimant[]): Promise<Map<string, Lead>> {
  const wanted = new Map<string, Claimant>()
  for (const claimant of claimants) if (claimant.metaLeadId !== undefined) wanted.set(claimant.metaLeadId, claimant)
  if (wanted.size === 0) return new Map()
  const items = [...wanted]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([meta_lead_id, { learnedAt }]) => ({ meta_lead_id, learned_at: new Date(learnedAt) }))
  await sql`
    insert into lead (workspace_id, meta_lead_id, learned_at)
    select ${workspaceId}, v.meta_lead_id, v.learned_at
    from ${rows('v', { meta_lead_id: 'text', learned_at: 'timestamptz' }, items)}
    on conflict do nothing`.execute(trx)
  const found = await sql<LeadRow>`
    select ${columns} from lead l where l.workspace_id = ${workspaceId} and l.meta_lead_id = any(${[...wanted.keys()]}::text[])`.execute(
    trx,
  )
  return new Map(
    found.rows.map((row) => {
      const lead = asLead(row)
      const generatedAt = wanted.get(lead.metaLeadId as string)?.captured?.generatedAt ?? lead.generatedAt
      return [lead.metaLeadId as string, { ...lead, generatedAt }]
    }),
  )
}

/** Leads by each key of the claimants, and of which kinds the keys of those are that only some keys lead to. */
async function leadsByKey(trx: Trx, workspaceId: number, claimants: readonly Claimant[]) {
  const wanted = new Map<string, MatchKey>()
  for (const claimant of claimants) for (const key of claimant.keys) wanted.set(keyText(key), key)
  const byKey = new Map<string, Lead[]>()
  if (wanted.size === 0) return { byKey, kindsOf: new Map<string, Set<string>>() }
  const items = [...wanted.values()].map((key) => ({ kind: key.kind, hash: Buffer.from(key.hash, 'hex') }))
  const found = await sql<LeadRow & { kind: string; hash: Buffer }>`
    select k.kind, k.hash, ${columns}
    from ${rows('v', { kind: 'text', hash: 'bytea' }, items)}
    join lead_key k on k.workspace_id = ${workspaceId} and k.kind = v.kind and k.hash = v.hash
    join lead l on l.id = k.lead_id
    order by l.id`.execute(trx)
  for (const row of found.rows) {
    const text = `${row.kind}:${row.hash.toString('hex')}`
    byKey.set(text, [...(byKey.get(text) ?? []), asLead(row)])
  }
  const several = claimants.flatMap(({ keys }) => {
    const leads = unique(keys.flatMap((key) => byKey.get(keyText(key)) ?? []))
    return leads.length > 1 ? leads : []
  })
  return { byKey, kindsOf: await kindsOfKeys(trx, several) }
}

async function kindsOfKeys(trx: Trx, leads: readonly Lead[]): Promise<Map<string, Set<string>>> {
  const kinds = new Map<string, Set<string>>()
  if (leads.length === 0) return kinds
  const found = await sql<{ lead_id: string; kind: string }>`
    select lead_id, kind from lead_key where lead_id = any(${[...new Set(leads.map(({ id }) => id))]}::bigint[])`.execute(trx)
  for (const { lead_id, kind } of found.rows) kinds.set(lead_id, (kinds.get(lead_id) ?? new Set()).add(kind))
  return kinds
}

async function readLeads(trx: Trx, ids: readonly string[]): Promise<Map<string, Lead>> {
  if (ids.length === 0) return new Map()
  const found = await sql<LeadRow>`select ${columns} from lead l where l.id = any(${[...new Set(ids)]}::bigint[])`.execute(trx)
  return new Map(found.rows.map((row) => [row.id, asLead(row)]))
}

async function createNameless(trx: Trx, workspaceId: number, { learnedAt }: Claimant): Promise<Lead> {
  const { rows: made } = await sql<LeadRow>`
    insert into lead as l (workspace_id, learned_at) values (${workspaceId}, ${new Date(learnedAt)}) returning ${columns}`.execute(trx)
  return asLead(made[0] as LeadRow)
}

async function lockLeads(trx: Trx, ids: readonly string[]): Promise<Map<string, Lead>> {
  if (ids.length === 0) return new Map()
  const found = await sql<LeadRow>`
    select ${columns} from lead l where l.id = any(${[...new Set(ids)]}::bigint[]) order by l.id for update`.execute(trx)
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
      join milestone kept on kept.dataset_id = m.dataset_id and kept.lead_id = ${into}
        and (kept.event_name = m.event_name or kept.raw_lead and m.raw_lead)
      where m.lead_id = ${from}
    ), unsent as (
      delete from outbox o using doubled d where o.occurred_at = d.occurred_at and o.event_id = d.event_id returning o.occurred_at, o.event_id
    )
    update ledger l set outcome = 'suppressed', reason = 'already_reached', settled_at = now()
    from unsent u where l.occurred_at = u.occurred_at and l.event_id = u.event_id`.execute(trx)
  await sql`
    insert into milestone (dataset_id, lead_id, event_name, occurred_at, event_id, raw_lead)
    select dataset_id, ${into}, event_name, occurred_at, event_id, raw_lead from milestone where lead_id = ${from}
    on conflict do nothing`.execute(trx)
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
