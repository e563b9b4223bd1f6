/** Telling an admin that somebody else was faster. */
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { CodedError } from '../../../connectors/errors.ts'
import type { Database } from '../../database/pool.ts'
import { auditText } from '../audit-actions.ts'
import type { Failure } from './answers.ts'

const OUTDATED = {
  code: 'outdated',
  userText:
    'Somebody changed this while you were at it, and nothing of yours was saved. Look at what is there now, and make your change again.',
}

/** A change was made on something that is no longer so. */
export class Outdated extends CodedError {
  readonly changed: Failure['changed']
  /** @param refusal what is said of it, where that is known better */
  constructor(changed: Failure['changed'], { code, userText }: Pick<CodedError, 'code' | 'userText'> = OUTDATED) {
    super({ code, retry: 'never', scope: 'event', userText })
    this.changed = changed
  }
}

/** The version of a resource that has no number: the same while it says the same. `value` is plain JSON. Pure. */
export const versionOf = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('base64url').slice(0, 22)

/** JSON whose names are in order: jsonb keeps them in another than they were given in. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  ) ?? ''

/** Who last did something of this kind to a subject, for `Outdated`. */
export async function lastChange(
  db: Database,
  workspaceId: number,
  subject: string,
  actions: readonly string[],
): Promise<Failure['changed']> {
  const { rows } = await sql<{ by: string; at: Date; action: string }>`
    select actor as by, at, action from audit
    where workspace_id = ${workspaceId} and subject = ${subject} and action = any(${actions}::text[]) order by id desc limit 1`.execute(db)
  return rows[0] && { ...rows[0], text: auditText(rows[0].action) }
}

/** Who is refused with this code was too late: `toldBy` makes it a refusal that tells who was faster. Else throws what `work` throws. */
export const orTold = <Made>(work: Promise<Made>, code: string, toldBy: (refusal: CodedError) => Promise<Outdated>): Promise<Made> =>
  work.catch(async (error: unknown) => {
    throw error instanceof CodedError && error.code === code ? await toldBy(error) : error
  })
