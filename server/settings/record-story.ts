/** The story of one record: what arrived, whose lead it is and how we know, what was sent, what Meta said, or why not. */
import { sql } from 'kysely'
import type { RecordRef } from '../../connectors/connector.ts'
import { connectors } from '../../connectors/registry.ts'
import type { FieldNote } from '../../mappings/reasons.ts'
import { rules as rulesSchema } from '../../mappings/rules.ts'
import { parseStageKey, type Stage } from '../../mappings/stage-key.ts'
import type { stageMapping } from '../../mappings/stage-mapping.ts'
import type { ConnectionState, Outcome, Row } from '../database/tables.ts'
import type { Profile } from '../leads/records.ts'
import type { Caller } from './caller.ts'
import { keysOf, knownReason, type LedgerDetail, type MetaAnswer, reasonOf, withTexts } from './entry-text.ts'
import { findRecord, type RecordName } from './find-record.ts'
import { type Identified, identifiedBy } from './identified-by.ts'
import { currentMapping } from './mappings.ts'

export interface StoryEntry {
  /** Null: the lead itself is new. */
  stage: (Stage & { label?: string }) | null
  occurredAt: Date
  receivedAt: Date
  origin?: string
  datasetId: string
  /** What the stage was mapped to; null where it was not. */
  eventName: string | null
  eventId: string
  mappingVersion?: number
  outcome: Outcome
  reason: string | null
  /** Why it was not sent, or what it is waiting for. */
  text: string | null
  /** When it was sent, or given up. */
  settledAt: Date | null
  /** Match keys that were used, as Meta spells them. */
  keys: string[]
  notes: (FieldNote & { text: string })[]
  late: boolean
  filled: boolean
  meta?: MetaAnswer
}

export interface RecordStory {
  record: RecordRef & {
    connectionId: number
    crm: string
    account: string
    /** Where it opens in the CRM. */
    url?: string
    state: 'live' | 'gone' | 'erased'
    createdAt: Date | null
    firstSeenAt: Date
    lookedUpAt: Date | null
    /** When it is looked up again for its lead. */
    lookAgainAt: Date | null
    /** The record of the person behind it, and the one it was merged into. */
    person?: RecordRef
    survivor?: RecordRef
  }
  connection: { state: ConnectionState; stateReason: string | null; quarantined: number; quarantineErrors: string[] }
  lead: { metaLeadId: string | null; generatedAt: Date | null; learnedAt: Date; isTest: boolean; identified: Identified } | null
  /** Fields that the last lookup found and that could not be used. */
  notes: (FieldNote & { text: string })[]
  /** Other records of the same lead. */
  related: (RecordRef & { connectionId: number })[]
  entries: StoryEntry[]
}

/** Throws `CodedError` `record_unknown`, `record_ambiguous`. */
export async function recordStory(caller: Caller, name: RecordName): Promise<RecordStory> {
  const { db } = caller
  const record = await findRecord(caller, name)
  const connection = await db.selectFrom('connection').selectAll().where('id', '=', record.connection_id).executeTakeFirstOrThrow()
  const [person, survivor] = await Promise.all([recordById(caller, record.person_id), recordById(caller, record.survivor_id)])
  const lead =
    record.lead_id === null ? undefined : await db.selectFrom('lead').selectAll().where('id', '=', record.lead_id).executeTakeFirst()
  const profile = (person ?? record).profile as Profile | null
  const url = connectors[connection.crm]?.recordUrl?.(connection.account_key, { type: record.type, id: record.record_id })
  return {
    record: {
      type: record.type,
      id: record.record_id,
      connectionId: connection.id,
      crm: connection.crm,
      account: connection.account_key,
      ...(url !== undefined && { url }),
      state: record.state,
      createdAt: record.created_at,
      firstSeenAt: record.first_seen_at,
      lookedUpAt: record.looked_up_at,
      lookAgainAt: record.look_again_at,
      ...(person && { person: refOf(person) }),
      ...(survivor && { survivor: refOf(survivor) }),
    },
    connection: { state: connection.state, stateReason: connection.state_reason, ...(await readQuarantine(caller, connection.id)) },
    lead:
      lead === undefined
        ? null
        : {
            metaLeadId: lead.meta_lead_id,
            generatedAt: lead.generated_at,
            learnedAt: lead.learned_at,
            isTest: lead.is_test,
            identified: identifiedBy(
              lead.meta_lead_id,
              profile,
              await sharedKinds(caller, lead.id, profile),
              rulesSchema.parse(connection.rules),
            ),
          },
    notes: withTexts(profile?.identity?.notes ?? []),
    related: await readRelated(caller, record),
    entries: await readEntries(caller, record),
  }
}

const refOf = (record: Row<'record'>): RecordRef => ({ type: record.type, id: record.record_id })

async function recordById({ db }: Caller, id: string | null): Promise<Row<'record'> | undefined> {
  return id === null ? undefined : db.selectFrom('record').selectAll().where('id', '=', id).executeTakeFirst()
}

async function readQuarantine({ db }: Caller, connectionId: number): Promise<{ quarantined: number; quarantineErrors: string[] }> {
  const { rows } = await sql<{ quarantined: string; errors: string[] | null }>`
    select count(*) as quarantined, array_agg(distinct last_error) filter (where last_error is not null) as errors
    from packet where connection_id = ${connectionId} and quarantined`.execute(db)
  return { quarantined: Number(rows[0]?.quarantined ?? 0), quarantineErrors: rows[0]?.errors ?? [] }
}

/** Which kinds of match keys the record shares with what is known of its lead. */
async function sharedKinds({ db }: Caller, leadId: string, profile: Profile | null): Promise<string[]> {
  const { em = [], ph = [] } = profile?.identity?.userData ?? {}
  const hashes = [...em, ...ph].map((hash) => Buffer.from(hash, 'hex'))
  if (hashes.length === 0) return []
  const rows = await db.selectFrom('lead_key').select('kind').distinct().where('lead_id', '=', leadId).where('hash', 'in', hashes).execute()
  return rows.map(({ kind }) => kind)
}

async function readRelated({ db }: Caller, record: Row<'record'>): Promise<(RecordRef & { connectionId: number })[]> {
  if (record.lead_id === null) return []
  const others = db.selectFrom('record').selectAll().where('lead_id', '=', record.lead_id).where('id', '<>', record.id)
  const rows = await others.orderBy('id').limit(100).execute()
  return rows.map((row) => ({ ...refOf(row), connectionId: row.connection_id }))
}

async function readEntries({ db }: Caller, record: Row<'record'>): Promise<StoryEntry[]> {
  const { mapping } = await currentMapping(db, record.connection_id)
  const rows = await db
    .selectFrom('ledger as l')
    .innerJoin('dataset as d', 'd.id', 'l.dataset_id')
    .innerJoin('connection as c', 'c.id', 'l.connection_id')
    .leftJoin('outbox as o', (join) =>
      join.onRef('o.dataset_id', '=', 'l.dataset_id').onRef('o.occurred_at', '=', 'l.occurred_at').onRef('o.event_id', '=', 'l.event_id'),
    )
    .selectAll('l')
    .select(['d.meta_id', 'd.state as dataset_state', 'd.hold_reason', 'd.hold_text', 'd.sleep_until', 'd.failures'])
    .select(['c.state as connection_state', 'o.not_before'])
    .where('l.record_id', '=', record.id)
    .orderBy('l.occurred_at')
    .orderBy('l.received_at')
    .execute()
  return rows.map((row) => {
    const detail = (row.detail ?? {}) as LedgerDetail
    const stage = labelled(parseStageKey(row.stage_key), mapping)
    return {
      stage,
      occurredAt: row.occurred_at,
      receivedAt: row.received_at,
      // A raw lead was not told of: it is known from whatever told of the record first.
      ...(stage !== null && { origin: detail.origin ?? 'push' }),
      datasetId: row.meta_id,
      eventName: row.event_name,
      eventId: row.event_id.replaceAll('-', ''),
      ...(detail.mapping !== undefined && { mappingVersion: detail.mapping }),
      outcome: row.outcome,
      reason: row.reason,
      text: textOf(row),
      settledAt: row.settled_at,
      keys: keysOf(detail),
      notes: withTexts(detail.notes ?? []),
      late: detail.late === true,
      filled: detail.filled === true,
      ...(detail.meta !== undefined && { meta: detail.meta }),
    }
  })
}

function labelled(stage: Stage | undefined, mapping: ReturnType<typeof stageMapping.parse>): StoryEntry['stage'] {
  if (stage === undefined) return null
  const label = mapping.stages.find(({ source, stageId }) => source === stage.source && stageId === stage.stageId)?.label
  return label ? { ...stage, label } : stage
}

function textOf(row: Parameters<typeof waitsFor>[0] & Pick<Row<'ledger'>, 'outcome' | 'reason' | 'detail'>): string | null {
  if (row.outcome === 'pending') return waitsFor(row)
  // Only a retry leaves a row waiting without a reason.
  if (row.outcome === 'waiting' && row.reason === null)
    return 'Somebody asked for a retry; it is judged anew as soon as the server gets to it.'
  return reasonOf(row.reason, row.detail)
}

/** What keeps a pending event from going, if anything does. */
function waitsFor(row: {
  connection_state: string
  dataset_state: string
  hold_text: string | null
  sleep_until: Date | null
  failures: number
  not_before: Date | null
}): string | null {
  if (row.connection_state === 'paused') return 'The connection is paused; the event goes when it is resumed.'
  if (row.dataset_state === 'held') return row.hold_text
  const now = Date.now()
  if (row.sleep_until !== null && row.sleep_until.getTime() > now) {
    return `Meta asked us to wait or did not answer (${row.failures} times); the event goes at ${row.sleep_until.toISOString()}.`
  }
  // A time of -infinity arrives as a number.
  if (row.not_before instanceof Date && row.not_before.getTime() > now) return knownReason('ahead_of_clock') ?? null
  return null
}
