/**
 * Writing lead ids that were found into the CRM, where the customer allows it: once for each record, so that the id is there for
 * everybody, and nobody's correction of it is undone. The change that this causes in the CRM comes back as any other, and tells
 * nothing new.
 */
import { sql } from 'kysely'
import type { ConnectionContext, Connector, RecordRef } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import type { Connections } from '../connections/connections.ts'
import { closeNotice, openNotice } from '../connections/notices.ts'
import type { Database } from '../database/pool.ts'
import type { Log } from '../log.ts'
import { withLease } from '../schedule/lease.ts'

const BATCH = 100
const MOST_ATTEMPTS = 10
const RETRY_BASE_MS = 10_000
/** Until what somebody has to allow is tried again. */
const REST_MS = 3_600_000
const NOTICE = 'write_back'

/** Has the lead ids of these records written, unless that was done or given up. */
export async function queueWriteBack(db: Database, connectionId: number, recordIds: readonly string[]): Promise<void> {
  if (recordIds.length === 0) return
  await sql`
    insert into write_back (record_id, connection_id) select id, ${connectionId} from unnest(${recordIds}::bigint[]) as found(id) order by id
    on conflict do nothing`.execute(db)
}

/** The same for all records of a connection whose lead was found before the customer allowed it. */
export async function queueFound(db: Database, connectionId: number): Promise<void> {
  await sql`
    insert into write_back (record_id, connection_id)
    select r.id, r.connection_id from record r join lead l on l.id = r.lead_id
    where r.connection_id = ${connectionId} and r.state = 'live' and r.person_id is null and l.meta_lead_id is not null
      and r.profile->'identity' is not null and r.profile #>> '{identity,userData,lead_id}' is null
    on conflict do nothing`.execute(db)
}

/** The lead ids that we wrote into these records, by record. */
export async function readWritten(db: Database, recordIds: readonly string[]): Promise<Map<string, string>> {
  const found = await sql<{ record_id: string; meta_lead_id: string }>`
    select record_id, meta_lead_id from write_back where record_id = any(${recordIds}::bigint[]) and meta_lead_id is not null`.execute(db)
  return new Map(found.rows.map((row) => [row.record_id, row.meta_lead_id]))
}

const allowed = sql`c.state = 'active' and coalesce((c.rules->>'writeLeadId')::boolean, false)`
const due = sql`w.meta_lead_id is null and w.failure is null and w.not_before <= now()`

/** Connections that have lead ids to write now. */
export async function findWriteBacks(db: Database): Promise<number[]> {
  const found = await sql<{ id: number }>`
    select c.id from connection c where ${allowed} and exists (select from write_back w where w.connection_id = c.id and ${due})`.execute(
    db,
  )
  return found.rows.map(({ id }) => id)
}

interface Due {
  recordId: string
  ref: RecordRef
  metaLeadId: string
  attempts: number
}

/**
 * Writes what is due at one connection.
 * @returns when it wants to run again, milliseconds since the epoch
 */
export async function writeBack(
  { db, connections, log }: { db: Database; connections: Connections; log: Log },
  connectionId: number,
  signal: AbortSignal,
): Promise<{ again?: number }> {
  const held = await withLease(db, `write_back:${connectionId}`, async (lease) => {
    const { connector, context, workspaceId } = await connections.get(connectionId)
    const { writeLeadId } = connector
    if (writeLeadId === undefined) return {}
    for (let batch = await readDue(db, connectionId); batch.length > 0 && !signal.aborted; batch = await readDue(db, connectionId)) {
      const empty = await withoutId(connector, context, batch)
      const taken = batch.filter(({ recordId }) => !empty.has(recordId)).map(({ recordId }) => recordId)
      await sql`delete from write_back where record_id = any(${taken}::bigint[])`.execute(db)
      for (const item of batch) {
        if (!empty.has(item.recordId)) continue
        if (signal.aborted || lease.signal.aborted) return {}
        try {
          await writeLeadId(context, item.ref, item.metaLeadId)
          await sql`update write_back set meta_lead_id = ${item.metaLeadId} where record_id = ${item.recordId}`.execute(db)
          await closeNotice(db, `connection:${connectionId}`, NOTICE)
        } catch (error) {
          if (!(error instanceof CodedError)) throw error
          log.warn({ connection: connectionId, error }, 'a lead id was not written into the CRM')
          if (error.scope !== 'connection' || error.retry !== 'never') await putOff(db, item, error)
          else {
            const text = `Lead ids that were found are not written into the CRM: ${error.userText}`
            await openNotice(db, { workspaceId, subject: `connection:${connectionId}`, code: NOTICE, text })
            await rest(db, connectionId, REST_MS)
          }
          // What concerns more than this record concerns the others of the batch as well.
          if (error.scope !== 'event') return {}
        }
      }
    }
    return {}
  })
  return held.ran ? held.value : { again: held.until.getTime() }
}

async function readDue(db: Database, connectionId: number): Promise<Due[]> {
  const found = await sql<{ record_id: string; type: string; id: string; meta_lead_id: string | null; attempts: number }>`
    select w.record_id, r.type, r.record_id as id, w.attempts,
      case when r.state = 'live' and r.profile #>> '{identity,userData,lead_id}' is null and not l.is_test then l.meta_lead_id end as meta_lead_id
    from write_back w join connection c on c.id = w.connection_id and ${allowed}
    left join record r on r.id = w.record_id left join lead l on l.id = r.lead_id
    where w.connection_id = ${connectionId} and ${due} order by w.not_before, w.record_id limit ${BATCH}`.execute(db)
  const [gone, wanted] = [found.rows.filter((row) => row.meta_lead_id === null), found.rows.filter((row) => row.meta_lead_id !== null)]
  if (gone.length > 0) {
    await sql`delete from write_back where record_id = any(${gone.map((row) => row.record_id)}::bigint[])`.execute(db)
    if (wanted.length === 0) return readDue(db, connectionId)
  }
  return wanted.map((row) => ({
    recordId: row.record_id,
    ref: { type: row.type, id: row.id },
    metaLeadId: row.meta_lead_id as string,
    attempts: row.attempts,
  }))
}

/** Those records that show no lead id now: somebody else may have written one since we looked. */
async function withoutId(connector: Connector, context: ConnectionContext, batch: readonly Due[]): Promise<Set<string>> {
  if (connector.lookup === undefined) return new Set(batch.map(({ recordId }) => recordId))
  const shown = await connector.lookup(
    context,
    batch.map(({ ref }) => ({ ref, history: false })),
  )
  const empty = batch.filter(({ ref }) => {
    const now = shown.find((snapshot) => snapshot.ref.type === ref.type && snapshot.ref.id === ref.id)
    return now?.found === true && now.identity?.metaLeadId === undefined
  })
  return new Set(empty.map(({ recordId }) => recordId))
}

/** One record failed: it is tried again, less and less often, or given up. */
async function putOff(db: Database, { recordId, attempts }: Due, { code, retry }: CodedError): Promise<void> {
  const isOver = retry === 'never' || attempts + 1 >= MOST_ATTEMPTS
  const delay = typeof retry === 'object' ? retry.afterMs : Math.min(REST_MS, RETRY_BASE_MS * 2 ** attempts)
  await sql`
    update write_back set attempts = attempts + 1, failure = ${isOver ? code : null}::text,
      not_before = now() + make_interval(secs => ${delay / 1000})
    where record_id = ${recordId}`.execute(db)
}

async function rest(db: Database, connectionId: number, ms: number): Promise<void> {
  await sql`
    update write_back w set not_before = now() + make_interval(secs => ${ms / 1000})
    where w.connection_id = ${connectionId} and ${due}`.execute(db)
}
