import type { Database } from '../database/pool.ts'

export interface NewNotice {
  workspaceId: number
  /** What it is about: `connection:<id>`, `dataset:<id>`. */
  subject: string
  code: string
  /** What happened and what to do, for the customer. */
  text: string
}

/** Tells the customer something, once: where a notice of this subject and code is open, nothing changes. Returns whether it is new. */
export async function openNotice(db: Database, { workspaceId, subject, code, text }: NewNotice): Promise<boolean> {
  const added = await db
    .insertInto('notice')
    .values({ workspace_id: workspaceId, subject, code, text })
    .onConflict((conflict) => conflict.columns(['subject', 'code']).where('closed_at', 'is', null).doNothing())
    .executeTakeFirst()
  return added.numInsertedOrUpdatedRows === 1n
}

/** Takes back an open notice. Returns whether there was one. */
export async function closeNotice(db: Database, subject: string, code: string): Promise<boolean> {
  const closed = await db
    .updateTable('notice')
    .set({ closed_at: new Date() })
    .where('subject', '=', subject)
    .where('code', '=', code)
    .where('closed_at', 'is', null)
    .executeTakeFirst()
  return closed.numUpdatedRows > 0n
}
