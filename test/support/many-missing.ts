/** Leads that Meta told of and that never reached the CRM, as many as somebody likes, without Meta telling of each. */
import { sql } from 'kysely'
import type { TestApp } from './app.ts'

const FORM = '20600000000000001'

/**
 * Puts them there as if the page had told of them, three of each second. Returns their ids in the order in which they are listed: the
 * latest first.
 *
 * @param pageId the connection that told of them
 * @param options.from what their numbers begin with; no two leads have one number
 * @param options.hoursAgo when the latest were generated
 */
export async function manyMissing(
  it: Pick<TestApp, 'db' | 'workspaceId'>,
  pageId: number,
  { count, from = 0, hoursAgo = 5 }: { count: number; from?: number; hoursAgo?: number },
): Promise<string[]> {
  const { rows } = await sql<{ meta_lead_id: string }>`
    with made as (
      insert into lead (workspace_id, meta_lead_id, generated_at, learned_at, captured_at, captured_by, form_id)
      select ${it.workspaceId}, (90071992547409930 + ${from}::int + n)::text,
        date_trunc('second', now()) - make_interval(hours => ${hoursAgo}, secs => n / 3), now(), now() - interval '1 hour', ${pageId}, ${FORM}
      from generate_series(1, ${count}::int) n returning meta_lead_id, generated_at
    ) select meta_lead_id from made order by generated_at desc, meta_lead_id desc`.execute(it.db)
  return rows.map(({ meta_lead_id }) => meta_lead_id)
}
