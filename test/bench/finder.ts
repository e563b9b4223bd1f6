/**
 * Matching records without a lead id against a million captured leads (or `--rows`, if fewer) in batches of 100, as resolve does it:
 * keys locked, leads looked up and locked, keys remembered, committed. A fifth of the records fits nobody, a tenth several leads.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { startEmbedded } from '../../server/database/embedded.ts'
import { migrate } from '../../server/database/migrate.ts'
import { type Database, openDatabase } from '../../server/database/pool.ts'
import { rows as rowsOf } from '../../server/database/rows.ts'
import { transaction } from '../../server/database/transaction.ts'
import { type Claimant, linkLeads, type MatchKey } from '../../server/leads/link.ts'
import { createLog } from '../../server/log.ts'
import type { Part } from './main.ts'
import { median, quantile, rounded } from './statistics.ts'

const MOST_LEADS = 1_000_000
const BATCH = 100
const BATCHES = 300
const WARM_UP = 20
const INSERT = 100_000
const WORKSPACE = 1
/** Every tenth person has filled in a form twice. */
const peopleOf = (leads: number) => Math.floor((leads * 10) / 11)
const log = createLog({ level: 'silent' })

export const finder: Part = async (say, options) => {
  const leads = Math.min(options.rows, MOST_LEADS)
  const folder = await mkdtemp(join(tmpdir(), 'leadstage-finder-'))
  const postgres = await startEmbedded({ dataDir: folder, log })
  await migrate(postgres.url, log)
  const db = openDatabase({ url: postgres.url, log, max: 2, statementMs: 3_600_000 })
  try {
    await fill(db, leads)
    const times: number[] = []
    let found = 0
    for (let batch = -WARM_UP; batch < BATCHES; batch++) {
      const claimants = Array.from({ length: BATCH }, (_, n) => claimant((batch + WARM_UP) * BATCH + n, peopleOf(leads)))
      const from = performance.now()
      const { links } = await transaction(db, (trx) => linkLeads(trx, WORKSPACE, claimants, []))
      if (batch < 0) continue
      times.push((performance.now() - from) / BATCH)
      found += [...links.values()].filter(({ kind }) => kind === 'linked').length
    }
    const result = {
      leads,
      medianMs: rounded(median(times), 3),
      p99Ms: rounded(quantile(times, 0.99), 3),
      foundShare: rounded(found / (BATCH * BATCHES), 2),
    }
    say(
      `${leads.toLocaleString('en')} captured leads, ${BATCHES} batches of ${BATCH}: ${result.medianMs} ms a lookup, p99 ${result.p99Ms} ms`,
    )
    for (const line of await plan(db, peopleOf(leads))) say(line)
    return result
  } finally {
    await db.destroy()
    await postgres.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const keysOf = (person: number): MatchKey[] => [
  { kind: 'em', hash: sha256(`e${person}`) },
  { kind: 'ph', hash: sha256(`p${person}`) },
]

/** Somewhere among the people, far from the one before; every fifth is nobody's. */
function claimant(n: number, people: number): Claimant {
  const person = n % 5 === 0 ? people + n : (n * 7_919_317) % people
  return { recordId: String(n + 1), leadId: null, keys: keysOf(person), counts: false, learnedAt: Date.now() }
}

async function fill(db: Database, leads: number): Promise<void> {
  const people = peopleOf(leads)
  for (let first = 0; first < leads; first += INSERT) {
    const last = Math.min(leads, first + INSERT) - 1
    await sql`
      with made as (
        insert into lead (workspace_id, meta_lead_id, generated_at, learned_at, captured_at)
        select ${WORKSPACE}, (300000000000000 + n)::text, at, at, at
        from generate_series(${first}::int, ${last}::int) n, lateral (select now() - interval '90 days' + n * interval '7 seconds' as at) t
        returning id, meta_lead_id::bigint - 300000000000000 as n
      )
      insert into lead_key (workspace_id, kind, hash, lead_id)
      select ${WORKSPACE}, k.kind, sha256(convert_to(k.letter || m.n % ${people}, 'UTF8')), m.id
      from made m, (values ('em', 'e'), ('ph', 'p')) k(kind, letter)`.execute(db)
  }
  await sql`vacuum analyze lead, lead_key`.execute(db)
}

/** How PostgreSQL finds the leads of one batch. */
async function plan(db: Database, people: number): Promise<string[]> {
  const keys = Array.from({ length: BATCH }, (_, n) => keysOf((n * 104_729) % people)).flat()
  const items = keys.map(({ kind, hash }) => ({ kind, hash: Buffer.from(hash, 'hex') }))
  const found = await sql<{ 'QUERY PLAN': string }>`
    explain (analyze, costs off, timing off, summary on)
    select k.kind, k.hash, l.id from ${rowsOf('v', { kind: 'text', hash: 'bytea' }, items)}
    join lead_key k on k.workspace_id = ${WORKSPACE} and k.kind = v.kind and k.hash = v.hash
    join lead l on l.id = k.lead_id order by l.id`.execute(db)
  return found.rows.map((row) => row['QUERY PLAN'])
}
