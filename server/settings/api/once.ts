/**
 * Changes that were asked for twice happen once: HubSpot repeats a call whose answer it did not get, and so do pages on bad
 * networks. Who asks names each change by an id; what was answered is kept sealed for a day, and given again. A signed request
 * that bears none is known by its signature, so that a replay does nothing, either.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sql } from 'kysely'
import type { Sealer } from '../../connections/vault.ts'
import type { Database } from '../../database/pool.ts'
import { problem } from '../problem.ts'
import type { ApiTools } from './tools.ts'

interface Claim {
  asker: string
  requestId: string
}
declare module 'fastify' {
  interface FastifyRequest {
    /** A change that nobody has asked for before under its id. */
    claim?: Claim
  }
}

/** A change that has no answer by then was ended by a crash, and may be carried out. Longer than any request takes. */
const STALE_SECONDS = 60
/** How long who asks again waits for the first answer. */
const WAIT_MS = 10_000
const PAUSE_MS = 100

/** Adds the hooks; they run after the one that finds the visitor. */
export function onceOnly(server: FastifyInstance, { db, vault }: Pick<ApiTools, 'db' | 'vault'>): void {
  const sealer = vault.for('secret')

  server.addHook('preHandler', async (request: FastifyRequest, reply: FastifyReply) => {
    if (request.visitor === undefined || request.method === 'GET') return
    const { crm, account, userId, requestHash } = request.visitor
    const changes = request.routeOptions.config.for !== 'readers'
    const { requestId = changes ? requestHash : undefined } = (request.body ?? {}) as { requestId?: string }
    if (requestId === undefined) return
    const claim = { asker: `${crm}:${account}:${userId}`, requestId }
    const answer = await claimOrRead(db, sealer, claim, hashOf(request))
    if (answer === undefined) request.claim = claim
    else return reply.code(answer.status).type('application/json; charset=utf-8').serializer(String).send(answer.body)
  })

  server.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    const { claim } = request
    if (claim === undefined || typeof payload !== 'string') return
    // What went wrong on our side, or at a CRM that could not be asked, may be tried again.
    if (reply.statusCode >= 500 || isPassing(reply)) await release(db, claim)
    else await keep(db, sealer, claim, reply.statusCode, payload)
  })
}

const isPassing = (reply: FastifyReply) => reply.getHeader('retry-after') !== undefined

const hashOf = ({ method, routeOptions, params, body }: FastifyRequest): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([method, routeOptions.url, params, body]))
    .digest()

async function claimOrRead(
  db: Database,
  sealer: Sealer,
  claim: Claim,
  hash: Buffer,
): Promise<{ status: number; body: string } | undefined> {
  const { asker, requestId } = claim
  for (const end = performance.now() + WAIT_MS; ; await sleep(PAUSE_MS)) {
    const { rows: claimed } = await sql`
      insert into page_answer as a (asker, request_id, request_hash) values (${asker}, ${requestId}, ${hash})
      on conflict (asker, request_id) do update set begun_at = now()
        where a.answer is null and a.request_hash = excluded.request_hash and a.begun_at < now() - make_interval(secs => ${STALE_SECONDS})
      returning 1`.execute(db)
    if (claimed.length > 0) return undefined
    const row = await db
      .selectFrom('page_answer')
      .select(['request_hash', 'answer'])
      .where('asker', '=', asker)
      .where('request_id', '=', requestId)
      .executeTakeFirst()
    // It was released a moment ago.
    if (row === undefined) continue
    if (!row.request_hash.equals(hash))
      throw problem('request_id_reused', 'Another change was asked for under this id before. Nothing was changed; load the page again.')
    if (row.answer !== null) return JSON.parse(sealer.open(row.answer, contextOf(claim)).toString()) as { status: number; body: string }
    if (performance.now() > end) throw problem('under_way', 'This change is still being made. Look again in a moment.')
  }
}

async function keep(db: Database, sealer: Sealer, claim: Claim, status: number, body: string): Promise<void> {
  const answer = sealer.seal(Buffer.from(JSON.stringify({ status, body })), contextOf(claim))
  await db.updateTable('page_answer').set({ answer }).where('asker', '=', claim.asker).where('request_id', '=', claim.requestId).execute()
}

async function release(db: Database, { asker, requestId }: Claim): Promise<void> {
  await db.deleteFrom('page_answer').where('asker', '=', asker).where('request_id', '=', requestId).where('answer', 'is', null).execute()
}

const contextOf = ({ asker, requestId }: Claim) => `answer:${asker}:${requestId}`
