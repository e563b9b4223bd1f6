/** Who is told of a workspace's notices. */
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { z } from 'zod'
import { eraseSecrets, putSecret } from '../connections/secrets.ts'
import type { Vault } from '../connections/vault.ts'
import { databaseCode } from '../database/errors.ts'
import type { Database } from '../database/pool.ts'
import { transaction } from '../database/transaction.ts'
import { refusePrivateHost } from '../operations/notices/public-address.ts'
import { type Recipient, type SendTools, sendMessage } from '../operations/notices/send-messages.ts'
import { audit, type Caller } from './caller.ts'
import { findWorkspace } from './find.ts'
import { parseInput, problem } from './problem.ts'

export interface NewRecipient {
  /** Id or name. */
  workspace: string | number
  /** An e-mail address, or the https URL of a webhook. */
  to: { email: string } | { url: string }
  /** Whether the weekly digest goes there, too. Default: yes. */
  digest?: boolean
}

export interface AddedRecipient {
  id: number
  kind: Recipient['kind']
  /** Signs what a webhook gets. Shown now and never again. */
  secret?: string
}

export interface RecipientView extends Recipient {
  workspaceId: number
  workspace: string
  digest: boolean
  createdAt: Date
  lastSentAt: Date | null
  /** Why the last message did not arrive; null where it did, or none has gone yet. */
  problem: string | null
}

/** Of one workspace. All workspaces share a sender, which waits for each of them for seconds. */
const MOST = 50

const email = z.email('it is not an e-mail address').max(254)

/** The URL of a webhook. Names are looked up when something is sent; here only what is plainly no public host is refused. */
const webhookUrl = z
  .string()
  .max(2_000)
  .superRefine((text, context) => {
    const url = URL.parse(text)
    const say = (message: string) => context.addIssue({ code: 'custom', message })
    if (url?.protocol !== 'https:') say('it has to begin with https://')
    else if (url.username || url.password || url.hash) say('it must have no user, password or fragment')
  })

/**
 * Throws `CodedError`: `workspace_unknown`, `invalid_input`, `webhook_private`, `recipient_exists`, `too_many_recipients`.
 */
export async function addRecipient(
  caller: Caller,
  { workspace, to, digest = true }: NewRecipient,
  { vault }: { vault: Vault },
): Promise<AddedRecipient> {
  const { id: workspaceId } = await findWorkspace(caller, workspace)
  const given = 'email' in to ? parseInput(email, to.email.trim(), 'The address') : parseInput(webhookUrl, to.url.trim(), 'The URL')
  const isMail = 'email' in to
  const kind = isMail ? 'email' : 'webhook'
  if (!isMail) refusePrivateHost(new URL(given).hostname)
  const secret = isMail ? undefined : randomBytes(32).toString('base64url')
  const address = isMail ? given : new URL(given).origin
  const id = await transaction(caller.db, async (trx) => {
    const { rows } = await sql<{ id: number }>`
      insert into recipient (workspace_id, kind, address, digest) values (${workspaceId}, ${kind}, ${address}, ${digest}) returning id`
      .execute(trx)
      .catch(taken)
    const [{ id }] = rows as [{ id: number }]
    const all = await sql`select from recipient where workspace_id = ${workspaceId}`.execute(trx)
    if (all.rows.length > MOST)
      throw problem(
        'too_many_recipients',
        `A workspace has up to ${MOST} recipients. Take one out first, or give the address of a mailing list.`,
      )
    if (secret !== undefined) {
      await putSecret(trx, vault, ownerOf(id), 'url', given)
      await putSecret(trx, vault, ownerOf(id), 'signing', secret)
    }
    await audit(trx, caller, { workspaceId, action: 'recipient.add', subject: ownerOf(id), detail: { kind, digest } })
    return id
  })
  return { id, kind, ...(secret !== undefined && { secret }) }
}

/** All recipients, or those of one workspace. Throws `CodedError` `workspace_unknown`. */
export async function listRecipients(caller: Caller, { workspace }: { workspace?: string | number } = {}): Promise<RecipientView[]> {
  const workspaceId = workspace === undefined ? caller.workspaceId : (await findWorkspace(caller, workspace)).id
  const { rows } = await sql<RecipientView>`
    select r.id, r.kind, r.address, r.workspace_id as "workspaceId", w.name as workspace, r.digest, r.created_at as "createdAt",
      (select max(settled_at) from message where recipient_id = r.id and outcome = 'sent') as "lastSentAt",
      (select last_error from message where recipient_id = r.id and attempts > 0 order by id desc limit 1) as problem
    from recipient r join workspace w on w.id = r.workspace_id
    where ${workspaceId ?? null}::int is null or r.workspace_id = ${workspaceId ?? null} order by r.id`.execute(caller.db)
  return rows
}

/** What was on its way to it is not sent any more. Throws `CodedError` `recipient_unknown`. */
export async function removeRecipient(caller: Caller, id: number): Promise<void> {
  await transaction(caller.db, async (trx) => {
    const { kind, workspaceId } = await findRecipient(caller, id, trx)
    await sql`delete from recipient where id = ${id}`.execute(trx)
    await eraseSecrets(trx, ownerOf(id))
    await audit(trx, caller, { workspaceId, action: 'recipient.remove', subject: ownerOf(id), detail: { kind } })
  })
}

/** Sends a test at once. Throws `CodedError`: `recipient_unknown`, and whatever `sendMessage` does. */
export async function testRecipient(caller: Caller, id: number, tools: Omit<SendTools, 'db'>): Promise<Recipient> {
  const { workspaceId, workspace, timeZone, ...recipient } = await findRecipient(caller, id)
  await sendMessage({ ...tools, db: caller.db }, recipient, {
    id: `test-${Date.now()}`,
    createdAt: new Date(),
    workspace: { id: workspaceId, name: workspace },
    recipientId: id,
    timeZone,
    content: { kind: 'test' },
  })
  return recipient
}

async function findRecipient(
  caller: Caller,
  id: number,
  db: Database = caller.db,
): Promise<Recipient & { workspaceId: number; workspace: string; timeZone: string }> {
  const { rows } = await sql<Recipient & { workspaceId: number; workspace: string; timeZone: string }>`
    select r.id, r.kind, r.address, w.id as "workspaceId", w.name as workspace, coalesce(d.time_zone, 'UTC') as "timeZone"
    from recipient r join workspace w on w.id = r.workspace_id left join digest d on d.workspace_id = w.id
    where r.id = ${id} and (${caller.workspaceId ?? null}::int is null or w.id = ${caller.workspaceId ?? null})`.execute(db)
  const [found] = rows
  if (found === undefined) throw problem('recipient_unknown', `There is no recipient ${id}.`)
  return found
}

const ownerOf = (id: number) => `recipient:${id}`

function taken(error: unknown): never {
  // SQLSTATE unique_violation.
  if (databaseCode(error) !== '23505') throw error
  throw problem('recipient_exists', 'This address is told of the notices of this workspace already.')
}
