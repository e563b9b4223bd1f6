/** Everything that is held about one person, for whoever asks what is. */
import { sql } from 'kysely'
import { CodedError } from '../../connectors/errors.ts'
import { connectorFor } from '../../connectors/registry.ts'
import { rules } from '../../mappings/rules.ts'
import { hashIdentity } from '../../mappings/user-data.ts'
import type { Vault } from '../connections/vault.ts'
import { unpackChanges } from '../intake/packet.ts'
import { refKey } from '../resolve/gather.ts'
import type { Caller } from './caller.ts'
import { findWorkspace } from './find.ts'
import { type FoundLead, findLead, type LeadName } from './find-lead.ts'

export interface HeldData {
  exportedAt: string
  workspace: string
  /** Rows as they are stored, keys as hashes. */
  leads: Record<string, unknown>[]
  keys: Record<string, unknown>[]
  milestones: Record<string, unknown>[]
  records: Record<string, unknown>[]
  ledger: Record<string, unknown>[]
  /** Lead ids that were, or will be, written into the CRM. */
  writeBacks: Record<string, unknown>[]
  /** Events that still have to go, as Meta will get them. */
  unsent: Record<string, unknown>[]
  /** Changes that wait to be handled, as the CRM told them. */
  waiting: { connectionId: number; receivedAt: Date; change: unknown }[]
  /** Since when a tombstone keeps what was asked for from coming in. */
  erasedAt: Date | null
}

/** Throws as `findLead`, and `workspace_unknown`. */
export async function exportLead(caller: Caller, workspace: string | number, name: LeadName, vault: Vault): Promise<HeldData> {
  const { id: workspaceId, name: title } = await findWorkspace(caller, workspace)
  const found = await findLead(caller, workspaceId, name)
  const leads = sql`any(${found.leadIds}::bigint[])`
  const records = sql`any(${found.records.map(({ id }) => id)}::bigint[])`
  const read = async (query: ReturnType<typeof sql>) => (await query.execute(caller.db)).rows as Record<string, unknown>[]
  return {
    exportedAt: new Date().toISOString(),
    workspace: title,
    leads: await read(sql`select * from lead where id = ${leads} order by id`),
    keys: await read(sql`select kind, encode(hash, 'hex') as hash, lead_id from lead_key where lead_id = ${leads} order by lead_id, kind`),
    milestones: await read(sql`
      select d.meta_id as dataset, m.lead_id, m.event_name, m.occurred_at, m.event_id
      from milestone m join dataset d on d.id = m.dataset_id where m.lead_id = ${leads} order by m.occurred_at`),
    records: await read(sql`
      select c.crm, c.account_key as account, r.* from record r join connection c on c.id = r.connection_id where r.id = ${records} order by r.id`),
    ledger: await read(sql`
      select d.meta_id as dataset, l.* from ledger l join dataset d on d.id = l.dataset_id
      where l.record_id = ${records} order by l.occurred_at, l.event_id`),
    writeBacks: await read(sql`select * from write_back where record_id = ${records} order by record_id`),
    unsent: await read(sql`
      select d.meta_id as dataset, o.* from outbox o join dataset d on d.id = o.dataset_id
      where o.record_id = ${records} order by o.occurred_at, o.event_id`),
    waiting: await findWaiting(caller, workspaceId, found, vault),
    erasedAt: await findTombstone(caller, workspaceId, found, vault),
  }
}

async function findTombstone({ db }: Caller, workspaceId: number, { mark }: FoundLead, vault: Vault): Promise<Date | null> {
  if (mark === undefined) return null
  const hmac = vault.tombstones(`${mark.kind}:${mark.value}`)
  const row = await db
    .selectFrom('tombstone')
    .select('created_at')
    .where('workspace_id', '=', workspaceId)
    .where('kind', '=', mark.kind)
    .where('hmac', '=', hmac)
    .executeTakeFirst()
  return row?.created_at ?? null
}

const BATCH = 200

/** Packets are sealed, so every one that waits is opened. */
async function findWaiting({ db }: Caller, workspaceId: number, found: FoundLead, vault: Vault): Promise<HeldData['waiting']> {
  const waiting: HeldData['waiting'] = []
  const connections = await db.selectFrom('connection').selectAll().where('workspace_id', '=', workspaceId).orderBy('id').execute()
  for (const connection of connections) {
    const refs = new Set(found.records.flatMap((it) => (it.connectionId === connection.id ? refKey(it.ref) : [])))
    const concerns = concernsWhom(connection.crm, rules.parse(connection.rules), refs, found.mark)
    for (let after: string | undefined; ; ) {
      let query = db.selectFrom('packet').select(['id', 'body', 'received_at']).where('connection_id', '=', connection.id)
      if (after !== undefined) query = query.where('id', '>', after)
      const packets = await query.orderBy('id').limit(BATCH).execute()
      for (const packet of packets) {
        for (const change of changesOf(vault, packet).filter(concerns)) {
          waiting.push({ connectionId: connection.id, receivedAt: packet.received_at, change })
        }
      }
      after = packets.at(-1)?.id
      if (packets.length < BATCH) break
    }
  }
  return waiting
}

/** Whether a change is about one of these records, or shows the person that was asked for. */
function concernsWhom(crm: string, own: ReturnType<typeof rules.parse>, refs: ReadonlySet<string>, mark: FoundLead['mark']) {
  return (change: unknown): boolean =>
    unlessUnreadable(() => connectorFor(crm).normalise([change]), []).some((signal) => {
      if (refs.has(refKey(signal.ref))) return true
      if (signal.kind !== 'shown' || signal.snapshot.identity === undefined || mark === undefined) return false
      const { lead_id, em = [], ph = [] } = hashIdentity(signal.snapshot.identity, own, Date.now()).userData
      return [lead_id, ...em, ...ph].includes(mark.value)
    })
}

const changesOf = (vault: Vault, packet: { id: string; body: Buffer }) =>
  unlessUnreadable(() => unpackChanges(vault.for('packet'), packet), [])

/** What cannot be opened or read says nothing of anybody. */
function unlessUnreadable<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read()
  } catch (error) {
    if (error instanceof CodedError || error instanceof SyntaxError) return otherwise
    throw error
  }
}
