/** What a CRM says of its wire format, by the CRM's own ids, for all its connections. An id names its content for good. */
import type { StreamContext } from '../../connectors/connector.ts'
import type { Database } from '../database/pool.ts'

export function createWireSchemas(db: Database, crm: string): StreamContext['schemas'] {
  return {
    async read(id) {
      const row = await db.selectFrom('wire_schema').select('body').where('crm', '=', crm).where('id', '=', id).executeTakeFirst()
      return row?.body
    },
    async write(id, body) {
      await db
        .insertInto('wire_schema')
        .values({ crm, id, body })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },
  }
}
