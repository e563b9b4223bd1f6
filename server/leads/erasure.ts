/**
 * Erasure: whoever asked to be forgotten is forgotten here, and a tombstone keeps them from coming back with a later
 * lookup or import. A tombstone is a keyed hash, because a plain one would itself be a match key. Runs under the same
 * locks as linking, so a lookup in flight cannot bring an erased person back.
 */
import { sql } from 'kysely'
import { capturingSources } from '../../connectors/registry.ts'
import type { KeyedHash } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import type { StoredRecord } from './records.ts'

interface Owner {
  workspaceId: number
  crm: string
  account: string
}

/** What a tombstone remembers: a record, a Meta lead id, or the hash of an address or number, as a match key is written. */
export interface Mark {
  kind: 'record' | 'lead_id' | 'em' | 'ph'
  value: string
}

/** What of a record is remembered as erased. Contact data only bars what is older than the erasure: a person may come again. */
function marksOf(owner: Owner, record: StoredRecord): Mark[] {
  const userData = record.profile?.identity?.userData
  return [
    { kind: 'record', value: `${owner.crm}/${owner.account}/${record.ref.type}/${record.ref.id}` },
    ...(userData?.lead_id === undefined ? [] : [{ kind: 'lead_id' as const, value: userData.lead_id }]),
    ...(userData?.em ?? []).map((value) => ({ kind: 'em' as const, value })),
    ...(userData?.ph ?? []).map((value) => ({ kind: 'ph' as const, value })),
  ]
}

const hmacOf = (hash: KeyedHash, { kind, value }: Mark): Buffer => hash(`${kind}:${value}`)

/** Which of these records a tombstone names. */
export async function findErased(trx: Database, hash: KeyedHash, owner: Owner, records: readonly StoredRecord[]): Promise<StoredRecord[]> {
  const alive = records.filter((record) => record.state !== 'erased')
  const barred = await findBarred(
    trx,
    hash,
    owner.workspaceId,
    alive.map((record) => ({ marks: marksOf(owner, record), begun: record.createdAt ?? record.firstSeenAt })),
  )
  return alive.filter((_, index) => barred.has(index))
}

/**
 * Which of these (by index) a tombstone names. `begun`: since when somebody is known, ms; whoever has come after an erasure is not
 * barred by an address or number.
 */
export async function findBarred(
  trx: Database,
  hash: KeyedHash,
  workspaceId: number,
  subjects: readonly { marks: readonly Mark[]; begun: number }[],
): Promise<Set<number>> {
  const barred = new Set<number>()
  const any = await sql<{ found: boolean }>`select exists (select from tombstone where workspace_id = ${workspaceId}) as found`.execute(trx)
  if (any.rows[0]?.found !== true) return barred
  const items = subjects.flatMap(({ marks }, subject) => marks.map((mark) => ({ kind: mark.kind, hmac: hmacOf(hash, mark), subject })))
  if (items.length === 0) return barred
  const found = await sql<{ subject: number; kind: string; created_at: Date }>`
    select v.subject, v.kind, t.created_at from ${rows('v', { kind: 'text', hmac: 'bytea', subject: 'int' }, items)}
    join tombstone t on t.workspace_id = ${workspaceId} and t.kind = v.kind and t.hmac = v.hmac`.execute(trx)
  for (const { subject, kind, created_at } of found.rows) {
    const begun = subjects[subject]?.begun ?? 0
    if (kind === 'record' || kind === 'lead_id' || begun <= created_at.getTime()) barred.add(subject)
  }
  return barred
}

/** Sets tombstones. One that is there keeps its time: whoever has come again since then is not barred by what comes back of before. */
export async function bury(trx: Database, hash: KeyedHash, workspaceId: number, marks: readonly Mark[], now: number): Promise<void> {
  const items = new Map(marks.map((mark) => [`${mark.kind}:${mark.value}`, { kind: mark.kind, hmac: hmacOf(hash, mark) }]))
  await sql`
    insert into tombstone (workspace_id, kind, hmac, created_at)
    select ${workspaceId}, v.kind, v.hmac, ${new Date(now)} from ${rows('v', { kind: 'text', hmac: 'bytea' }, [...items.values()])} order by v.hmac
    on conflict do nothing`.execute(trx)
}

/**
 * Forgets the person behind each record: match keys, contact data and unsent events go, milestones and the ledger keep
 * nothing personal. The records passed in are changed; the caller saves them.
 */
export async function eraseRecords(
  trx: Database,
  hash: KeyedHash,
  owner: Owner,
  records: readonly StoredRecord[],
  now: number,
): Promise<void> {
  const recordIds = records.map((record) => record.id)
  const leadIds = new Set([...records.flatMap((record) => record.leadId ?? []), ...(await formerLeads(trx, owner, records))])
  await eraseLeads(trx, hash, owner.workspaceId, [...leadIds], now)
  await bury(
    trx,
    hash,
    owner.workspaceId,
    records.flatMap((record) => marksOf(owner, record)),
    now,
  )
  await dropUnsent(trx, recordIds)
  await sql`
    update ledger set outcome = 'suppressed', reason = 'erased', settled_at = now()
    where record_id = any(${recordIds}::bigint[]) and outcome = 'waiting'`.execute(trx)
  await sql`delete from write_back where record_id = any(${recordIds}::bigint[])`.execute(trx)
  await forgetCaptured(trx, recordIds)
  for (const record of records) {
    record.state = 'erased'
    record.profile = null
    record.leadId = null
    record.lookAgainAt = null
  }
}

/**
 * Leads that the persons behind these records have been before, and that nobody else is: by the ledger of the records and of those
 * merged into them, and by contact data. Somebody may have filled in two forms, with a merge or without.
 */
async function formerLeads(trx: Database, owner: Owner, records: readonly StoredRecord[]): Promise<string[]> {
  const keys = records.flatMap((record) => marksOf(owner, record)).filter(({ kind }) => kind === 'em' || kind === 'ph')
  const found = await sql<{ lead_id: string }>`
    with recursive these as (
      select id from record where id = any(${records.map(({ id }) => id)}::bigint[])
      union select r.id from these t join record r on r.survivor_id = t.id
    ), theirs as (
      select l.lead_id from ledger l where l.record_id = any(array(select id from these))
      union
      select k.lead_id from ${rows('v', { kind: 'text', value: 'text' }, keys)}
      join lead_key k on k.workspace_id = ${owner.workspaceId} and k.kind = v.kind and k.hash = decode(v.value, 'hex')
    )
    select t.lead_id from theirs t
    where t.lead_id is not null
      and not exists (select from record r where r.lead_id = t.lead_id and r.id <> all(array(select id from these)))`.execute(trx)
  return found.rows.map(({ lead_id }) => lead_id)
}

/**
 * Forgets leads, with all that they were known by. Records of theirs (a deal, a contact in a second CRM) keep their place but
 * lose the person's data. The caller holds the records, if any are to change their state.
 */
export async function eraseLeads(
  trx: Database,
  hash: KeyedHash,
  workspaceId: number,
  leadIds: readonly string[],
  now: number,
): Promise<void> {
  if (leadIds.length === 0) return
  const leads = sql`any(${leadIds}::bigint[])`
  const named = await sql<{ meta_lead_id: string | null }>`
    select meta_lead_id from lead where id = ${leads} order by id for update`.execute(trx)
  const keys = await sql<{ kind: 'em' | 'ph'; value: string }>`
    delete from lead_key where lead_id = ${leads} returning kind, encode(hash, 'hex') as value`.execute(trx)
  const marks = [
    ...named.rows.flatMap(({ meta_lead_id }) => (meta_lead_id === null ? [] : [{ kind: 'lead_id' as const, value: meta_lead_id }])),
    ...keys.rows.filter(({ kind }) => kind === 'em' || kind === 'ph'),
  ]
  await bury(trx, hash, workspaceId, marks, now)
  await sql`
    update lead set meta_lead_id = null, form_id = null, ad_id = null, adset_id = null, campaign_id = null, platform = null, organic = null
    where id = ${leads}`.execute(trx)
  const records = await sql<{ id: string }>`update record set profile = null where lead_id = ${leads} returning id`.execute(trx)
  const ids = records.rows.map(({ id }) => id)
  await dropUnsent(trx, ids)
  await sql`delete from write_back where record_id = any(${ids}::bigint[])`.execute(trx)
  await forgetCaptured(trx, ids)
}

/** The record of a captured lead is called as the lead, so that its id goes, too; its tombstone keeps it out all the same. */
async function forgetCaptured(trx: Database, recordIds: readonly string[]): Promise<void> {
  const captured = sql`r.id = any(${recordIds}::bigint[]) and c.id = r.connection_id and c.crm = any(${capturingSources()}::text[])`
  await sql`
    delete from record r using connection c where ${captured} and not exists (select from ledger l where l.record_id = r.id)`.execute(trx)
  await sql`
    update record r set record_id = 'erased ' || r.id, state = 'erased', profile = null, look_again_at = null
    from connection c where ${captured}`.execute(trx)
}

async function dropUnsent(trx: Database, recordIds: readonly string[]): Promise<void> {
  await sql`
    with gone as (delete from outbox where record_id = any(${recordIds}::bigint[]) returning occurred_at, event_id)
    update ledger l set outcome = 'suppressed', reason = 'erased', settled_at = now()
    from gone g where l.occurred_at = g.occurred_at and l.event_id = g.event_id`.execute(trx)
}
