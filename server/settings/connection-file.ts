/** The configuration of a connection as a file that another installation, or another account of the same CRM, takes in. */
import { z } from 'zod'
import { stageMapping } from '../../mappings/stage-mapping.ts'
import type { Caller } from './caller.ts'
import { findConnection } from './find.ts'
import { currentMapping } from './mappings.ts'
import { listRoutes, routeFilter } from './routes.ts'

/**
 * What such a file holds: no secret, no token, no lead. Accounts and names are for people; datasets go by Meta's id. A change
 * that older versions cannot read gets a new number.
 */
export const connectionFile = z.strictObject({
  format: z.literal('leadstage.connection/1'),
  exportedAt: z.iso.datetime(),
  crm: z.string(),
  account: z.string(),
  name: z.string(),
  /** As they were given: what is not here has its default. */
  settings: z.record(z.string(), z.unknown()),
  rules: z.record(z.string(), z.unknown()),
  catchUpMinutes: z.number().int().min(1).max(1440).nullable(),
  mapping: stageMapping.nullable(),
  routes: z.array(z.strictObject({ dataset: z.string().regex(/^\d{5,20}$/), mode: z.enum(['live', 'shadow']), filter: routeFilter })),
})
export type ConnectionFile = z.infer<typeof connectionFile>

/** Throws `CodedError` `connection_unknown`. */
export async function exportConnection(caller: Caller, id: number, now = new Date()): Promise<ConnectionFile> {
  const connection = await findConnection(caller, id)
  const { version, mapping } = await currentMapping(caller.db, id)
  const routes = await listRoutes(caller, { connectionId: id })
  return {
    format: 'leadstage.connection/1',
    exportedAt: now.toISOString(),
    crm: connection.crm,
    account: connection.account_key,
    name: connection.name,
    settings: connection.settings as Record<string, unknown>,
    rules: connection.rules as ConnectionFile['rules'],
    catchUpMinutes: connection.catch_up_minutes,
    mapping: version === 0 ? null : mapping,
    routes: routes.map(({ metaId, mode, filter }) => ({ dataset: metaId, mode, filter })),
  }
}
