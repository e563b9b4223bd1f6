/** What people call what figures are told apart by. */
import { sql } from 'kysely'
import { parseStageKey, rawLeadKey } from '../../mappings/stage-key.ts'
import type { Database } from '../database/pool.ts'
import { currentMapping } from '../settings/mappings.ts'
import type { Counts, Dimension, FiguresLine } from './read-figures.ts'

const matchKeys: Readonly<Record<string, string>> = {
  lead_id: 'Meta lead id',
  em: 'e-mail',
  ph: 'phone',
  fbc: 'click id',
  fn: 'first name',
  ln: 'last name',
  ge: 'gender',
  db: 'date of birth',
  ct: 'city',
  st: 'state',
  zp: 'postal code',
  country: 'country',
  external_id: 'external id',
}

/** The lines of a dimension with a name each. */
export async function nameLines(
  db: Database,
  workspaceId: number,
  by: Dimension,
  lines: readonly (Counts & { value: string })[],
): Promise<FiguresLine[]> {
  const names = await namesOf(
    db,
    workspaceId,
    by,
    lines.map(({ value }) => value),
  )
  return lines.map((line) => ({ ...line, name: names.get(line.value) ?? (line.value === '' ? 'not known' : line.value) }))
}

async function namesOf(db: Database, workspaceId: number, by: Dimension, values: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (by === 'key') return new Map(Object.entries(matchKeys))
  if (by === 'stage') return stageNames(db, values)
  if (by === 'dataset') {
    const rows = await db.selectFrom('dataset').select(['id', 'meta_id']).where('workspace_id', '=', workspaceId).execute()
    return new Map(rows.map(({ id, meta_id }) => [String(id), meta_id]))
  }
  if (by !== 'form' && by !== 'ad' && by !== 'campaign') return new Map()
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from meta_name where workspace_id = ${workspaceId} and kind = ${by} and id = any(${values})`.execute(db)
  return new Map(rows.map(({ id, name }) => [id, name]))
}

/** A stage by its label in the mapping of its connection, and the connection where there are several. */
async function stageNames(db: Database, values: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const split = values.map((value) => ({ value, connectionId: Number.parseInt(value, 10), key: value.slice(value.indexOf('/') + 1) }))
  const ids = [...new Set(split.map(({ connectionId }) => connectionId))]
  const mappings = new Map(await Promise.all(ids.map(async (id) => [id, (await currentMapping(db, id)).mapping] as const)))
  return new Map(
    split.map(({ value, connectionId, key }) => {
      const stage = parseStageKey(key)
      const line = mappings.get(connectionId)?.stages.find((it) => it.source === stage?.source && it.stageId === stage.stageId)
      const label = key === rawLeadKey ? 'new lead' : line?.label || (stage?.stageId ?? key)
      return [value, ids.length > 1 ? `${label} (connection ${connectionId})` : label]
    }),
  )
}
