/**
 * Erasure: whoever asked to be forgotten is forgotten here, and a tombstone keeps them from coming back with a later
 * lookup or import. A tombstone is a keyed hash, because a plain one would itself be a match key. Runs under the same
 * locks as linking, so a lookup in flight cannot bring an erased person back.
 */
import { sql } from 'kysely'
import type { KeyedHash } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import type { StoredRecord } from './records.ts'

interface Owner {
  workspaceId: number
  crm: string
  account: string
}

/** What of a record is remembered as erased. Contact data only bars what is older than the erasure: a person may come again. */
function marks(hash: KeyedHash, owner: Owner, record: StoredRecord): { kind: string; hmac: Buffer; recordId: string }[] {
  const mark = (kind: string, value: string) => ({ kind, hmac: hash(`${kind}:${value}`), recordId: record.id })
  const userData = record.profile?.identity?.userData
  return [
    mark('record', `${owner.crm}/${owner.account}/${record.ref.type}/${record.ref.id}`),
    ...(userData?.lead_id === undefined ? [] : [mark('lead_id', userData.lead_id)]),
    ...(userData?.em ?? []).map((hash) => mark('em', hash)),
    ...(userData?.ph ?? []).map((hash) => mark('ph', hash)),
  ]
}

/** Which of these records a tombstone names. */
export async function findErased(trx: Database, hash: KeyedHash, owner: Owner, records: readonly StoredRecord[]): Promise<StoredRecord[]> {
  const any = await sql<{
    found: boolean
  }>`select exists (select from tombstone where workspace_id = ${owner.workspaceId}) as found`.execute(trx)
  if (any.rows[0]?.found !== true) return []
  const alive = records.filter((record) => record.state !== 'erased')
  const wanted = alive.flatMap((record) => marks(hash, owner, record))
  if (wanted.length === 0) return []
  const items = wanted.map(({ kind, hmac, recordId }) => ({ kind, hmac, record_id: recordId }))
  const found = await sql<{ record_id: string; kind: string; created_at: Date }>`
    select v.record_id, v.kind, t.created_at from ${rows('v', { kind: 'text', hmac: 'bytea', record_id: 'bigint' }, items)}
    join tombstone t on t.workspace_id = ${owner.workspaceId} and t.kind = v.kind and t.hmac = v.hmac`.execute(trx)
  const barred = new Set<string>()
  const byId = new Map(alive.map((record) => [record.id, record]))
  for (const { record_id, kind, created_at } of found.rows) {
    const record = byId.get(record_id) as StoredRecord
    const begun = record.createdAt ?? record.firstSeenAt
    if (kind === 'record' || kind === 'lead_id' || begun <= created_at.getTime()) barred.add(record_id)
  }
  return alive.filter((record) => barred.has(record.id))
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
  const items = new Map(
    records.flatMap((record) => marks(hash, owner, record)).map((mark) => [`${mark.kind} ${mark.hmac.toString('hex')}`, mark]),
  )
  await sql`
    insert into tombstone (workspace_id, kind, hmac, created_at)
    select ${owner.workspaceId}, v.kind, v.hmac, ${new Date(now)} from ${rows('v', { kind: 'text', hmac: 'bytea' }, [...items.values()])}
    on conflict do nothing`.execute(trx)
  const recordIds = records.map((record) => record.id)
  const leadIds = records.flatMap((record) => record.leadId ?? [])
  await sql`select id from lead where id = any(${leadIds}::bigint[]) order by id for update`.execute(trx)
  await sql`delete from lead_key where lead_id = any(${leadIds}::bigint[])`.execute(trx)
  await sql`update lead set meta_lead_id = null, form_id = null, ad_id = null, campaign_id = null where id = any(${leadIds}::bigint[])`.execute(
    trx,
  )
  await sql`
    with gone as (
      delete from outbox where record_id in (select id from record where id = any(${recordIds}::bigint[]) or lead_id = any(${leadIds}::bigint[]))
      returning occurred_at, event_id
    )
    update ledger l set outcome = 'suppressed', reason = 'erased', settled_at = now()
    from gone g where l.occurred_at = g.occurred_at and l.event_id = g.event_id`.execute(trx)
  await sql`
    update ledger set outcome = 'suppressed', reason = 'erased', settled_at = now()
    where record_id = any(${recordIds}::bigint[]) and outcome = 'waiting'`.execute(trx)
  // Other records of the same lead (a deal, a contact in a second CRM) keep their place but lose the person's data.
  await sql`update record set profile = null where lead_id = any(${leadIds}::bigint[])`.execute(trx)
  for (const record of records) {
    record.state = 'erased'
    record.profile = null
    record.leadId = null
    record.lookAgainAt = null
  }
}
