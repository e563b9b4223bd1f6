/** The person that somebody means by a Meta lead id, an e-mail address, a phone number or a CRM record. */
import { sql } from 'kysely'
import type { RecordRef } from '../../connectors/connector.ts'
import { alreadyHashed, sha256 } from '../../mappings/hash.ts'
import { normaliseEmail } from '../../mappings/normalise/email.ts'
import { normaliseLeadId } from '../../mappings/normalise/lead-id.ts'
import { normalisePhone } from '../../mappings/normalise/phone.ts'
import type { Database } from '../database/pool.ts'
import type { Mark } from '../leads/erasure.ts'
import type { Caller } from './caller.ts'
import { findRecord } from './find-record.ts'
import { problem } from './problem.ts'

export type LeadName =
  | { by: 'lead-id' | 'email' | 'phone'; value: string }
  /** `connectionId` where several connections have such a record. */
  | { by: 'record'; ref: RecordRef; connectionId?: number }

export interface FoundLead {
  leadIds: string[]
  records: { id: string; connectionId: number; ref: RecordRef }[]
  /** What was asked for, as a tombstone remembers it; absent for a record, which has marks of its own. */
  mark?: Mark
}

/**
 * Looks in one workspace. People that share an address or a number are all found. Throws `CodedError` `invalid_input`,
 * `record_unknown`, `record_ambiguous`.
 *
 * @param db may be a transaction; nothing is locked
 */
export async function findLead(caller: Caller, workspaceId: number, name: LeadName, db: Database = caller.db): Promise<FoundLead> {
  const mark = name.by === 'record' ? undefined : markOf(name.by, name.value)
  const first = name.by === 'record' ? await findRecord({ ...caller, workspaceId }, name) : undefined
  const leads = await sql<{ id: string }>`
    select id from lead where workspace_id = ${workspaceId} and id = ${first?.lead_id ?? null}::bigint
    union select id from lead where workspace_id = ${workspaceId} and meta_lead_id = ${mark?.kind === 'lead_id' ? mark.value : null}
    union select lead_id from lead_key where workspace_id = ${workspaceId} and kind = ${mark?.kind ?? null} and hash = decode(${hashOf(mark)}, 'hex')
    order by id`.execute(db)
  const leadIds = leads.rows.map(({ id }) => id)
  const records = await sql<{ id: string; connection_id: number; type: string; record_id: string }>`
    select r.id, r.connection_id, r.type, r.record_id from record r where r.lead_id = any(${leadIds}::bigint[])
    union select id, connection_id, type, record_id from record where id = ${first?.id ?? null}::bigint
    union select r.id, r.connection_id, r.type, r.record_id from record r join connection c on c.id = r.connection_id and c.workspace_id = ${workspaceId}
      where r.lead_id is null and ${mark?.kind === 'em' || mark?.kind === 'ph'}
        and r.profile->'identity'->'userData'->${mark?.kind ?? ''}::text @> to_jsonb(${mark?.value ?? ''}::text)
    order by 1`.execute(db)
  return {
    leadIds,
    records: records.rows.map((row) => ({ id: row.id, connectionId: row.connection_id, ref: { type: row.type, id: row.record_id } })),
    ...(mark && { mark }),
  }
}

const hashOf = (mark: Mark | undefined) => (mark?.kind === 'em' || mark?.kind === 'ph' ? mark.value : '')

/** As it is normalised for Meta, so that every way of writing it finds the same. */
function markOf(by: 'lead-id' | 'email' | 'phone', given: string): Mark {
  if (by === 'lead-id') {
    const value = normaliseLeadId(given)
    if (typeof value === 'string') return { kind: 'lead_id', value }
    throw problem('invalid_input', 'A Meta lead id has 15 to 17 digits.')
  }
  const value = alreadyHashed(given) ?? (by === 'email' ? normaliseEmail(given) : normalisePhone(given))
  if (typeof value !== 'string') {
    throw problem(
      'invalid_input',
      by === 'email' ? 'That is no e-mail address.' : 'A phone number has to begin with + and its country code.',
    )
  }
  return { kind: by === 'email' ? 'em' : 'ph', value: value.length === 64 ? value : sha256(value) }
}
