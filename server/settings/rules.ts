/** The rules of a connection, and the settings that its connector understands. */
import { sql } from 'kysely'
import type { z } from 'zod'
import { connectorFor } from '../../connectors/registry.ts'
import { type Rules, rules as rulesSchema } from '../../mappings/rules.ts'
import { transaction } from '../database/transaction.ts'
import { queueFound } from '../leads/write-back.ts'
import { audit, type Caller } from './caller.ts'
import { findConnection, findLiveConnection } from './find.ts'
import { parseInput, problem } from './problem.ts'

/** Throws `CodedError` `connection_unknown`. */
export async function readRules(caller: Caller, id: number): Promise<Rules> {
  return rulesSchema.parse((await findConnection(caller, id)).rules)
}

/** What the connector of the connection makes of its settings, defaults filled in. Throws `CodedError` `connection_unknown`. */
export async function readSettings(caller: Caller, id: number): Promise<unknown> {
  const { crm, settings } = await findConnection(caller, id)
  return connectorFor(crm).manifest.settings.parse(settings)
}

/**
 * Changes the rules that are given, and leaves the others; null takes a rule back to its default. Records that wait for a
 * lead are looked at again at once. Throws `CodedError` `connection_unknown`, `connection_removed`, `invalid_input`.
 */
export async function setRules(caller: Caller, id: number, given: unknown, guard?: Guard): Promise<Rules> {
  return change(caller, id, 'rules', given, () => rulesSchema, guard)
}

/** As `setRules`, for the connector's settings. */
export async function setSettings(caller: Caller, id: number, given: unknown, guard?: Guard): Promise<unknown> {
  return change(caller, id, 'settings', given, (crm) => connectorFor(crm).manifest.settings, guard)
}

/** Is told what is there now, which nobody changes meanwhile, and throws where the change must not be made on it. */
type Guard = (current: unknown) => Promise<void> | void

async function change<Schema extends z.ZodType>(
  caller: Caller,
  id: number,
  column: 'rules' | 'settings',
  given: unknown,
  schemaOf: (crm: string) => Schema,
  guard?: Guard,
): Promise<z.output<Schema>> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw problem('invalid_input', `The ${column} have to be a JSON object.`)
  }
  return transaction(caller.db, async (trx) => {
    const connection = await findLiveConnection(caller, id, { trx, lock: true })
    await guard?.(schemaOf(connection.crm).parse(connection[column]))
    const merged = Object.entries({ ...(connection[column] as object), ...given }).filter(([, value]) => value !== null)
    const wanted = Object.fromEntries(merged)
    const parsed = parseInput(schemaOf(connection.crm), wanted, `The ${column}`)
    await trx
      .updateTable('connection')
      // How changes arrive may be one of the settings.
      .set({ [column]: JSON.stringify(wanted), ...(column === 'settings' && { arrival: null }) })
      .where('id', '=', id)
      .execute()
    if (column === 'rules' && (parsed as Rules).writeLeadId) await queueFound(trx, id)
    await sql`update record set look_again_at = now() where connection_id = ${id} and look_again_at > now()`.execute(trx)
    const detail = { changed: given }
    await audit(trx, caller, { workspaceId: connection.workspace_id, action: `connection.${column}`, subject: `connection:${id}`, detail })
    return parsed
  })
}
