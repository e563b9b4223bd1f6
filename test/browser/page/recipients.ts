import { sql } from 'kysely'
import type { TestApp } from '../../support/app.ts'

/** Who is told of notices. */
export const recipients = async ({ db }: Pick<TestApp, 'db'>): Promise<unknown[]> =>
  (await sql`select address from recipient`.execute(db)).rows
