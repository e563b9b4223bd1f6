/**
 * Lead ids that somebody exported from Meta, or from a tool that brings leads into a CRM: they are kept as if Meta had told of them,
 * so that the CRM's records find their leads. An import sends nothing by itself.
 */
import { sql } from 'kysely'
import { z } from 'zod'
import type { RecordRef } from '../../connectors/connector.ts'
import { rules as rulesSchema } from '../../mappings/rules.ts'
import { hashIdentity } from '../../mappings/user-data.ts'
import type { Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import { transaction } from '../database/transaction.ts'
import { wakeWaiting } from '../leads/captured.ts'
import { findBarred, type Mark } from '../leads/erasure.ts'
import { type LeadRow, leadRows } from '../leads/lead-row.ts'
import { type Claimant, linkLeads } from '../leads/link.ts'
import { matchKeys } from '../leads/match-keys.ts'
import { type CsvRow, readCsv } from '../leads/read-csv.ts'
import { audit, type Caller } from './caller.ts'
import { findWorkspace } from './find.ts'
import { parseInput } from './problem.ts'

const BATCH = 500
/** Lines and records that are named; all are counted. */
const NAMED = 50

export interface LeadImport {
  /** Lines with a lead id that can be read. */
  leads: number
  /** Of these: not known before; known by id; test leads; of people who asked to be forgotten, which are left out. */
  fresh: number
  known: number
  tests: number
  erased: number
  /** CRM records that have no lead id and find theirs by this import. */
  matched: number
  records: { connectionId: number; record: RecordRef; metaLeadId: string }[]
  unreadable: number
  lines: { line: number; code: string; text: string }[]
}

const country = z
  .string()
  .regex(/^[A-Za-z]{2}$/, 'has to be a code of two letters (ISO 3166), as DE')
  .optional()

/**
 * Reads a table of leads to its end, a batch at a time.
 *
 * @param given.country reads national phone numbers
 * @param given.keep false: nothing is changed, only told what would be
 * Throws `CodedError` `workspace_unknown`, `invalid_input`, `not_csv`, `no_lead_id_column`.
 */
export async function importLeads(
  caller: Caller,
  given: { workspace: string | number; country?: string; keep: boolean },
  file: AsyncIterable<Buffer>,
  vault: Vault,
): Promise<LeadImport> {
  const { db } = caller
  const defaultCountry = parseInput(country, given.country, 'The country')
  const { id: workspaceId } = await findWorkspace(caller, given.workspace)
  const total: LeadImport = { leads: 0, fresh: 0, known: 0, tests: 0, erased: 0, matched: 0, records: [], unreadable: 0, lines: [] }
  const hashRules = rulesSchema.parse({ ...(defaultCountry && { defaultCountry }) })
  const batch = new Map<string, Line>()
  const matched = new Set<string>()

  async function take(): Promise<void> {
    const lines = [...batch.values()]
    batch.clear()
    const found = await (given.keep
      ? transaction(db, async (trx) => {
          const part = await judge(trx, workspaceId, lines, vault)
          const claimants = part.wanted.map(claimantOf)
          await linkLeads(trx, workspaceId, claimants, [])
          await wakeWaiting(
            trx,
            workspaceId,
            claimants.flatMap(({ keys }) => keys),
          )
          return part
        })
      : judge(db, workspaceId, lines, vault))
    total.leads += lines.length
    total.erased += lines.length - found.wanted.length
    total.known += found.known
    total.fresh += found.wanted.length - found.known
    total.tests += found.wanted.filter(({ row }) => row.captured.isTest).length
    for (const { recordId, ...match } of found.matches) {
      if (matched.has(recordId)) continue
      matched.add(recordId)
      if (total.records.length < NAMED) total.records.push(match)
    }
  }

  let readRow: ((cells: readonly string[]) => LeadRow) | undefined
  for await (const part of readCsv(file)) {
    for (const { line, cells } of part as CsvRow[]) {
      if (readRow === undefined) {
        readRow = leadRows(cells)
        continue
      }
      const row = readRow(cells)
      if (row.kind === 'unreadable') {
        total.unreadable += 1
        if (total.lines.length < NAMED) total.lines.push({ line, code: row.code, text: row.text })
        continue
      }
      batch.set(row.metaLeadId, { row, keys: matchKeys(hashIdentity(row.identity, hashRules, Date.now()).userData) })
      if (batch.size >= BATCH) await take()
    }
  }
  if (readRow === undefined) leadRows([])
  if (batch.size > 0) await take()
  total.matched = matched.size
  if (given.keep) {
    const { lines: _lines, records: _records, ...detail } = total
    await audit(db, caller, { workspaceId, action: 'lead.import', subject: `workspace:${workspaceId}`, detail })
  }
  return total
}

interface Line {
  row: Extract<LeadRow, { kind: 'lead' }>
  keys: Claimant['keys']
}

const claimantOf = ({ row, keys }: Line): Claimant => ({
  recordId: row.metaLeadId,
  leadId: null,
  metaLeadId: row.metaLeadId,
  keys,
  counts: false,
  learnedAt: Date.now(),
  captured: row.captured,
})

interface Match {
  recordId: string
  connectionId: number
  record: RecordRef
  metaLeadId: string
}

/** What of a batch may be kept, is known already, and finds records. */
async function judge(db: Database, workspaceId: number, lines: readonly Line[], vault: Vault) {
  const barred = await findBarred(
    db,
    vault.tombstones,
    workspaceId,
    lines.map(({ row, keys }) => ({ marks: marksOf(row.metaLeadId, keys), begun: row.captured.generatedAt ?? 0 })),
  )
  const wanted = lines.filter((_, index) => !barred.has(index))
  const known = await sql<{ count: number }>`
    select count(*)::int as count from lead
    where workspace_id = ${workspaceId} and meta_lead_id = any(${wanted.map(({ row }) => row.metaLeadId)}::text[])`.execute(db)
  return { wanted, known: known.rows[0]?.count ?? 0, matches: await findMatches(db, workspaceId, wanted) }
}

const marksOf = (metaLeadId: string, keys: Claimant['keys']): Mark[] => [
  { kind: 'lead_id', value: metaLeadId },
  ...keys.flatMap(({ kind, hash }) => (kind === 'fbc' ? [] : [{ kind, value: hash }])),
]

/** Records that count without a lead id, or wait for one, and share an address or number with one of these leads. */
async function findMatches(db: Database, workspaceId: number, lines: readonly Line[]): Promise<Match[]> {
  const items = lines.flatMap(({ row, keys }) =>
    row.captured.isTest ? [] : keys.map(({ kind, hash }) => ({ kind, hash, meta_lead_id: row.metaLeadId })),
  )
  if (items.length === 0) return []
  const columns = { kind: 'text', hash: 'text', meta_lead_id: 'text' }
  const waiting = (kind: 'em' | 'ph') => sql`
    select r.id, r.connection_id, r.type, r.record_id, v.meta_lead_id from v
    join record r on r.look_again_at is not null and r.profile #>> ${sql.lit(`{identity,userData,${kind},0}`)} = v.hash
    join connection c on c.id = r.connection_id and c.workspace_id = ${workspaceId} where v.kind = ${kind}`
  const found = await sql<{ id: string; connection_id: number; type: string; record_id: string; meta_lead_id: string }>`
    with v as materialized (select * from ${rows('given', columns, items)})
    select r.id, r.connection_id, r.type, r.record_id, v.meta_lead_id from v
    join lead_key k on k.workspace_id = ${workspaceId} and k.kind = v.kind and k.hash = decode(v.hash, 'hex')
    join lead l on l.id = k.lead_id and l.meta_lead_id is null join record r on r.lead_id = l.id
    union ${waiting('em')} union ${waiting('ph')}`.execute(db)
  return found.rows.map((row) => ({
    recordId: row.id,
    connectionId: row.connection_id,
    record: { type: row.type, id: row.record_id },
    metaLeadId: row.meta_lead_id,
  }))
}
