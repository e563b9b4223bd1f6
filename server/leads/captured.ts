/** What Meta itself tells of leads, kept with them: when each was generated, by which form and ad, and whether it is a test. */
import { sql } from 'kysely'
import type { MetaLead } from '../../connectors/connector.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'
import type { Trx } from '../database/transaction.ts'

/** `by`: the connection that told of it; null: an import, which may not say when the lead was generated. */
export interface Captured extends Omit<MetaLead, 'generatedAt'> {
  generatedAt?: number
  by: number | null
}

/**
 * Keeps what was captured; the caller holds the leads. Events of theirs that waited for it go on their way, or, of a test lead,
 * no further.
 *
 * @param captured `isAnew`: nothing was captured of the lead before
 */
export async function takeCaptured(
  trx: Trx,
  workspaceId: number,
  captured: readonly (Captured & { leadId: string; isAnew: boolean })[],
): Promise<void> {
  if (captured.length === 0) return
  const items = captured.map((lead) => ({
    id: lead.leadId,
    generated_at: lead.generatedAt === undefined ? null : new Date(lead.generatedAt),
    is_test: lead.isTest,
    form_id: lead.formId ?? null,
    ad_id: lead.adId ?? null,
    adset_id: lead.adsetId ?? null,
    campaign_id: lead.campaignId ?? null,
    platform: lead.platform ?? null,
    organic: lead.organic ?? null,
    captured_by: lead.by,
  }))
  const columns = {
    id: 'bigint',
    generated_at: 'timestamptz',
    is_test: 'boolean',
    form_id: 'text',
    ad_id: 'text',
    adset_id: 'text',
    campaign_id: 'text',
    platform: 'text',
    organic: 'boolean',
    captured_by: 'int',
  }
  await sql`
    update lead l set generated_at = coalesce(v.generated_at, l.generated_at), is_test = l.is_test or v.is_test,
      form_id = coalesce(v.form_id, l.form_id), ad_id = coalesce(v.ad_id, l.ad_id), adset_id = coalesce(v.adset_id, l.adset_id),
      campaign_id = coalesce(v.campaign_id, l.campaign_id), platform = coalesce(v.platform, l.platform),
      organic = coalesce(v.organic, l.organic), captured_at = coalesce(l.captured_at, now()),
      captured_by = coalesce(v.captured_by, l.captured_by)
    from ${rows('v', columns, items)} where l.id = v.id`.execute(trx)
  await saveNames(trx, workspaceId, captured)
  await settleAwaited(trx, captured)
}

/** Events that were held back until Meta itself told of their lead. */
async function settleAwaited(trx: Trx, captured: readonly { leadId: string; isTest: boolean; isAnew: boolean }[]): Promise<void> {
  const tests = captured.filter(({ isTest }) => isTest).map(({ leadId }) => leadId)
  if (tests.length > 0) {
    await sql`
      with gone as (
        delete from outbox where record_id in (select id from record where lead_id = any(${tests}::bigint[])) returning occurred_at, event_id
      )
      update ledger l set outcome = 'suppressed', reason = 'test_lead', settled_at = now()
      from gone g where l.occurred_at = g.occurred_at and l.event_id = g.event_id`.execute(trx)
  }
  const real = captured.filter(({ isTest, isAnew }) => isAnew && !isTest).map(({ leadId }) => leadId)
  if (real.length === 0) return
  await forgetEarlierLife(trx, real)
  await sql`
    update outbox set not_before = '-infinity'
    where record_id in (select id from record where lead_id = any(${real}::bigint[])) and not_before > now() and occurred_at <= now()`.execute(
    trx,
  )
}

/**
 * What happened before a lead was generated belongs to an earlier life of its record (Meta discards it), which did not show while
 * nobody knew when that was: it is not sent, and what the lead reaches now is the first time. What was sent stays reached.
 */
async function forgetEarlierLife(trx: Trx, leadIds: readonly string[]): Promise<void> {
  await sql`
    with gone as (
      delete from outbox o using lead l
      where l.id = any(${leadIds}::bigint[]) and o.record_id in (select id from record where lead_id = any(${leadIds}::bigint[]))
        and o.lead_id = l.id and o.occurred_at < l.generated_at
      returning o.occurred_at, o.event_id
    )
    update ledger l set outcome = 'suppressed', reason = 'before_lead', settled_at = now()
    from gone g where l.occurred_at = g.occurred_at and l.event_id = g.event_id`.execute(trx)
  await sql`
    delete from milestone m using lead d, ledger l
    where d.id = any(${leadIds}::bigint[]) and m.lead_id = d.id and m.occurred_at < d.generated_at
      and l.occurred_at = m.occurred_at and l.event_id = m.event_id and l.outcome = 'suppressed'`.execute(trx)
}

/** What forms, ads, ad sets and campaigns are called; mostly all is known already, and nothing is written. */
async function saveNames(trx: Trx, workspaceId: number, captured: readonly Captured[]): Promise<void> {
  const names = new Map<string, { kind: string; id: string; name: string }>()
  const add = (kind: string, id?: string, name?: string) => {
    if (id !== undefined && name) names.set(`${kind} ${id}`, { kind, id, name })
  }
  for (const lead of captured) {
    add('form', lead.formId, lead.formName)
    add('ad', lead.adId, lead.adName)
    add('adset', lead.adsetId, lead.adsetName)
    add('campaign', lead.campaignId, lead.campaignName)
  }
  if (names.size === 0) return
  const items = [...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item)
  const known = await sql<{ key: string; name: string }>`
    select n.kind || ' ' || n.id as key, n.name from ${rows('v', { kind: 'text', id: 'text' }, items)}
    join meta_name n on n.workspace_id = ${workspaceId} and n.kind = v.kind and n.id = v.id`.execute(trx)
  const before = new Map(known.rows.map(({ key, name }) => [key, name]))
  const fresh = items.filter(({ kind, id, name }) => before.get(`${kind} ${id}`) !== name)
  if (fresh.length === 0) return
  await sql`
    insert into meta_name (workspace_id, kind, id, name)
    select ${workspaceId}, v.kind, v.id, v.name from ${rows('v', { kind: 'text', id: 'text', name: 'text' }, fresh)}
    on conflict (workspace_id, kind, id) do update set name = excluded.name`.execute(trx)
}

/**
 * Has records looked at again that wait for a lead and show one of these addresses or numbers (hashes, as their match keys are).
 * Records that somebody holds are left out: whoever holds them looks for leads after us, or looks again by itself.
 */
export async function wakeWaiting(db: Database, workspaceId: number, keys: readonly { kind: string; hash: string }[]): Promise<void> {
  const of = (kind: string) => keys.filter((key) => key.kind === kind).map(({ hash }) => hash)
  const [em, ph] = [of('em'), of('ph')]
  if (em.length + ph.length === 0) return
  await sql`
    update record set look_again_at = now() where id = any(array(
      select r.id from record r join connection c on c.id = r.connection_id
      where c.workspace_id = ${workspaceId} and r.look_again_at > now() and (
        r.profile #>> '{identity,userData,em,0}' = any(${em}::text[]) or r.profile #>> '{identity,userData,ph,0}' = any(${ph}::text[]))
      order by r.id for update of r skip locked))`.execute(db)
}
