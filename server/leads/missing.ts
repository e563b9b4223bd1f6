/**
 * Lost leads: those that Meta told of and that no record of the CRM belongs to, though it had its time. A sync tool that lost its
 * permission, a form that nobody mapped: nothing fails anywhere, and sales never hears of people who asked to be called.
 */
import { sql } from 'kysely'
import { capturingSources } from '../../connectors/registry.ts'
import type { Database } from '../database/pool.ts'

/** Older leads are not looked for: whoever lost them knows by now, and Meta takes nothing of them any more. */
const DAYS = 7
/** What was captured late may be in the CRM, which is looked at again first; minutes. */
const SETTLE_MINUTES = 5
/** Changes that have waited so long stand for others that have not even come; minutes. */
const BEHIND_MINUTES = 15
/** So many, the latest, are looked at to count them: that takes less than half a second, whoever they are. */
export const MOST_COUNTED = 10_000

export interface Named {
  id: string
  /** Null: Meta has not told. */
  name: string | null
}

export interface MissingLead {
  metaLeadId: string
  generatedAt: Date
  form: Named | null
  ad: Named | null
  campaign: Named | null
  /** The person is in the CRM already, from before; whether this lead came there too does not show. */
  knownBefore: boolean
}

/** Why nothing can be said of a workspace's leads now. */
export interface Hindrance {
  code: 'no_crm' | 'crm_paused' | 'crm_disconnected' | 'crm_behind'
  text: string
}

/** Where a page of missing leads begins: behind this one. */
export interface MissingPlace {
  generatedAt: Date
  metaLeadId: string
}

export interface Lost {
  count: number
  /** Not all were looked at: there are at least `count`. */
  more: boolean
}

export interface Missing {
  /** After how many minutes a lead is missed; 0: never. */
  afterMinutes: number
  /** Whether a Facebook page tells of its leads; without one, nobody here knows which there are. */
  isTold: boolean
  hindrance: Hindrance | null
  /** How many there are in all whose person the CRM does not know either; null behind the first page. */
  lost: Lost | null
  /** A page of them, the latest first; none while there is a hindrance. */
  leads: MissingLead[]
  /** Where the next page begins; undefined: this is the last. */
  next: MissingPlace | undefined
}

/**
 * What is missing in a workspace, a page at a time: at most `limit` leads. Who goes on from the `next` of a page sees no lead twice, and
 * every lead that was missing at the first page and still is.
 *
 * @param options.after `next` of the page before
 */
export async function findMissing(
  db: Database,
  workspaceId: number,
  { limit, after }: { limit: number; after?: MissingPlace | undefined },
): Promise<Missing> {
  const { missing_after_minutes: afterMinutes, is_told: isTold } = await db
    .selectFrom('workspace')
    .select([
      'missing_after_minutes',
      sql<boolean>`exists (
        select from connection c where c.workspace_id = workspace.id and c.state <> 'removed' and c.crm = any(${capturingSources()}::text[])
      )`.as('is_told'),
    ])
    .where('id', '=', workspaceId)
    .executeTakeFirstOrThrow()
  const { hindrance, since } = await lookAtCrms(db, workspaceId)
  if (afterMinutes === 0 || hindrance !== null) return { afterMinutes, isTold, hindrance, lost: null, leads: [], next: undefined }
  const isMissing = sql`
    l.workspace_id = ${workspaceId} and l.captured_at is not null and l.captured_by is not null
      and l.meta_lead_id is not null and not l.is_test
      and l.generated_at > greatest(${since}::timestamptz, now() - make_interval(days => ${DAYS}))
      and l.generated_at < now() - make_interval(mins => ${afterMinutes})
      and l.captured_at < now() - make_interval(mins => ${Math.min(SETTLE_MINUTES, afterMinutes)})
      and not exists (select from record r where r.lead_id = l.id and r.connection_id <> l.captured_by)`
  const isKnown = sql<boolean>`exists (
      select from lead_key k
      join lead_key o on o.workspace_id = k.workspace_id and o.kind = k.kind and o.hash = k.hash and o.lead_id <> l.id
      join record r on r.lead_id = o.lead_id and r.connection_id <> l.captured_by where k.lead_id = l.id)`
  const { generatedAt, metaLeadId } = after ?? { generatedAt: null, metaLeadId: null }
  const found = await sql<{
    meta_lead_id: string
    generated_at: Date
    form_id: string | null
    form: string | null
    ad_id: string | null
    ad: string | null
    campaign_id: string | null
    campaign: string | null
    known_before: boolean
  }>`
    select l.meta_lead_id, l.generated_at, l.form_id, f.name as form, l.ad_id, a.name as ad, l.campaign_id, p.name as campaign,
      ${isKnown} as known_before
    from lead l
    left join meta_name f on f.workspace_id = l.workspace_id and f.kind = 'form' and f.id = l.form_id
    left join meta_name a on a.workspace_id = l.workspace_id and a.kind = 'ad' and a.id = l.ad_id
    left join meta_name p on p.workspace_id = l.workspace_id and p.kind = 'campaign' and p.id = l.campaign_id
    where ${isMissing}
      and (${generatedAt}::timestamptz is null or (l.generated_at, l.meta_lead_id) < (${generatedAt}, ${metaLeadId}))
    order by l.generated_at desc, l.meta_lead_id desc limit ${limit + 1}`.execute(db)
  const named = (id: string | null, name: string | null) => (id === null ? null : { id, name })
  const leads = found.rows.slice(0, limit).map((row) => ({
    metaLeadId: row.meta_lead_id,
    generatedAt: row.generated_at,
    form: named(row.form_id, row.form),
    ad: named(row.ad_id, row.ad),
    campaign: named(row.campaign_id, row.campaign),
    knownBefore: row.known_before,
  }))
  const next = found.rows.length > limit ? leads.at(-1) : undefined
  const lost = after === undefined ? await countLost() : null
  return { afterMinutes, isTold, hindrance, lost, leads, next }

  async function countLost(): Promise<Lost> {
    if (next === undefined || limit >= MOST_COUNTED)
      return { count: leads.filter(({ knownBefore }) => !knownBefore).length, more: next !== undefined }
    const { rows } = await sql<{ count: number; looked: number }>`
      select count(*) filter (where not ${isKnown})::int as count, count(*)::int as looked
      from (select l.id, l.captured_by from lead l where ${isMissing} order by l.generated_at desc limit ${MOST_COUNTED}) l`.execute(db)
    const { count = 0, looked = 0 } = rows[0] ?? {}
    return { count, more: looked === MOST_COUNTED }
  }
}

/** Whether the CRMs of a workspace tell what happens there, and since when they do. */
async function lookAtCrms(db: Database, workspaceId: number): Promise<{ hindrance: Hindrance | null; since: Date | null }> {
  const found = await sql<{ id: number; state: string; created_at: Date; behind: boolean }>`
    select c.id, c.state, c.created_at,
      exists (select from packet p where p.connection_id = c.id and not p.quarantined
        and p.received_at < now() - make_interval(mins => ${BEHIND_MINUTES}))
      or exists (select from cursor u where u.connection_id = c.id
        and (u.wanted_until is not null or u.channel = 'stream' and c.arrival = 'stream' and u.standing <> 'open'))
      as behind
    from connection c
    where c.workspace_id = ${workspaceId} and c.state <> 'removed' and c.crm <> all(${capturingSources()}::text[]) order by c.id`.execute(
    db,
  )
  const since = found.rows.reduce<Date | null>((first, { created_at }) => (first === null || created_at < first ? created_at : first), null)
  const which = (wanted: (row: (typeof found.rows)[number]) => boolean) => found.rows.find(wanted)?.id
  const hindrance = hindranceOf({
    none: found.rows.length === 0,
    paused: which(({ state }) => state === 'paused'),
    disconnected: which(({ state }) => state !== 'active' && state !== 'paused'),
    behind: which(({ behind }) => behind),
  })
  return { hindrance, since }
}

function hindranceOf(is: { none: boolean; paused?: number; disconnected?: number; behind?: number }): Hindrance | null {
  const unknown = 'Whether leads are missing there cannot be said until'
  if (is.none) return { code: 'no_crm', text: `No CRM is connected. ${unknown} one is.` }
  if (is.paused !== undefined) return { code: 'crm_paused', text: `Connection ${is.paused} is paused. ${unknown} it is resumed.` }
  if (is.disconnected !== undefined) {
    return { code: 'crm_disconnected', text: `Connection ${is.disconnected} is not at work. ${unknown} what its notice asks for is done.` }
  }
  if (is.behind === undefined) return null
  return { code: 'crm_behind', text: `Connection ${is.behind} is still reading what happened in the CRM. ${unknown} it is done.` }
}
