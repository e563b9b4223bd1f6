/** A sample request of a connection: asked for by a person, taken from the next request, kept sealed for a day. */
import { sql } from 'kysely'
import type { RawRequest } from '../../connectors/connector.ts'
import type { Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'

const KEEP = sql`interval '24 hours'`

export type SampleRequest = Pick<RawRequest, 'headers' | 'body'>

/** Asks for the next request; one that was kept before goes. */
export async function wantSample(db: Database, connectionId: number): Promise<void> {
  await sql`
    insert into sample (connection_id, wanted_until) values (${connectionId}, now() + ${KEEP})
    on conflict (connection_id) do update set wanted_until = excluded.wanted_until, body = null, received_at = null`.execute(db)
}

/** Whether a request is wanted and has not come yet. */
export async function isSampleWanted(db: Database, connectionId: number): Promise<boolean> {
  const { rows } = await sql`select from sample where connection_id = ${connectionId} and body is null and wanted_until > now()`.execute(db)
  return rows.length > 0
}

/** Keeps the request, if one is wanted still. */
export async function keepSample(db: Database, vault: Vault, connectionId: number, { headers, body }: SampleRequest): Promise<void> {
  const plain = JSON.stringify({ type: headers['content-type'], body: body.toString('base64') })
  const sealed = vault.for('packet').seal(Buffer.from(plain), `sample:${connectionId}`)
  await sql`
    update sample set body = ${sealed}, received_at = now()
    where connection_id = ${connectionId} and body is null and wanted_until > now()`.execute(db)
}

/** The request that was kept, with when it came. */
export async function readSample(db: Database, vault: Vault, connectionId: number): Promise<(SampleRequest & { at: Date }) | undefined> {
  const { rows } = await sql<{ body: Buffer; received_at: Date }>`
    select body, received_at from sample where connection_id = ${connectionId} and received_at > now() - ${KEEP}`.execute(db)
  const [row] = rows
  if (row === undefined) return undefined
  const plain = JSON.parse(vault.for('packet').open(row.body, `sample:${connectionId}`).toString()) as { type?: string; body: string }
  return { headers: { 'content-type': plain.type }, body: Buffer.from(plain.body, 'base64'), at: row.received_at }
}

/** Forgets samples and wishes for them after a day. */
export async function forgetSamples(db: Database): Promise<void> {
  await sql`delete from sample where wanted_until < now() and (received_at is null or received_at < now() - ${KEEP})`.execute(db)
}
