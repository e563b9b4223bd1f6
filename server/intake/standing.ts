/**
 * How the streams stand, for people and other processes: gathered here and written now and then, all together. What does
 * not pass by itself is told to the customer, and taken back when the stream is open again; what was told of polling before, too.
 */
import { sql } from 'kysely'
import type { CodedError } from '../../connectors/errors.ts'
import type { Database } from '../database/pool.ts'
import { rows } from '../database/rows.ts'

export interface Standings {
  note(connectionId: number, standing: 'open' | CodedError): void
  /** Writes what was noted; where that fails, it is written next time. */
  write(): Promise<void>
}

/** Who has to be patient for longer is told why. */
const PASSING_MS = 5 * 60_000

/** False for what only somebody can mend, or what takes so long that somebody should know. */
const isPassing = ({ retry }: CodedError): boolean => retry === 'later' || (retry !== 'never' && retry.afterMs < PASSING_MS)

/** @param owner holder of the leases: of a stream that somebody else has taken over nothing is written */
export function createStandings(db: Database, owner: string): Standings {
  let noted = new Map<number, 'open' | CodedError>()

  async function write(standings: ReadonlyMap<number, 'open' | CodedError>): Promise<void> {
    const items = [...standings].map(([connection_id, standing]) =>
      standing === 'open'
        ? { connection_id, standing, text: null, tell: false }
        : // A withdrawn grant was told where it was noticed.
          {
            connection_id,
            standing: standing.code,
            text: standing.userText,
            tell: !isPassing(standing) && standing.code !== 'grant_revoked',
          },
    )
    await sql`
      with said as (
        select v.*, c.workspace_id from ${rows('v', { connection_id: 'int', standing: 'text', text: 'text', tell: 'boolean' }, items)}
        join lease l on l.key = 'stream:' || v.connection_id and l.owner = ${owner} and l.until > clock_timestamp()
        join connection c on c.id = v.connection_id and c.state <> 'removed'
      ), over as (
        update notice set closed_at = now() where code in ('stream', 'poll') and closed_at is null
          and subject in (select 'connection:' || connection_id from said where standing = 'open')
      ), told as (
        insert into notice (workspace_id, subject, code, text)
        select workspace_id, 'connection:' || connection_id, 'stream', 'Changes in the CRM do not arrive: ' || text from said where tell
        on conflict (subject, code) where closed_at is null do nothing
      ), locked as (
        -- In the order of those who keep what streams bring: the two would wait for each other.
        select u.connection_id from cursor u join said s on s.connection_id = u.connection_id
        where u.channel = 'stream' order by u.connection_id for update of u
      )
      update cursor u set standing = s.standing, standing_text = s.text,
        standing_at = case when u.standing is distinct from s.standing then now() else u.standing_at end
      from said s join locked on locked.connection_id = s.connection_id
      where u.connection_id = s.connection_id and u.channel = 'stream'`.execute(db)
  }

  return {
    note: (connectionId, standing) => void noted.set(connectionId, standing),
    async write() {
      if (noted.size === 0) return
      const now = noted
      noted = new Map()
      try {
        await write(now)
      } catch (error) {
        noted = new Map([...now, ...noted])
        throw error
      }
    },
  }
}
