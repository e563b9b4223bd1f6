/**
 * The one pool of connections to PostgreSQL. Every statement ends: the server cuts it off after `statementMs`, and where the
 * server has gone silent (a half-open socket) the client gives up shortly after and throws the connection away.
 */
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import type { Log } from '../log.ts'
import { databaseCode, databaseError } from './errors.ts'
import type { Tables } from './tables.ts'

/** The database, or a transaction in it. */
export type Database = Kysely<Tables>

export interface DatabaseOptions {
  /** postgres:// URL. */
  url: string
  log: Log
  /** Connections at most. */
  max?: number
  /** Milliseconds one statement may take. */
  statementMs?: number
  /** Milliseconds to wait for a connection. */
  connectMs?: number
}

/**
 * Opens the pool; connections are made when they are needed. Failures that pass come out as `CodedError`
 * `database_unavailable`. `destroy()` closes it.
 */
export function openDatabase({ url, log, max = 10, statementMs = 30_000, connectMs = 5_000 }: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    application_name: 'leadstage',
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
    query_timeout: statementMs + 2_000,
    // Nothing but statements is waited for in a transaction: one whose client has gone silent must not keep its locks from others.
    idle_in_transaction_session_timeout: 15_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: { getTypeParser: typeParser },
  })
  // An idle connection that breaks is replaced by itself; without a listener it would end the process. While the pool is closed the
  // database may be, too.
  pool.on('error', (error) => {
    if (!pool.ending) log.warn({ code: databaseCode(error) }, 'an idle database connection was lost')
  })
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: withCodedErrors(pool) }) })
}

/** Rows are full of instants, and the driver's own reading of them, made for all time zones, costs more than all else in a row. */
const typeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') => {
  const usual = pg.types.getTypeParser(oid, format as 'text')
  if (oid !== pg.types.builtins.TIMESTAMPTZ || format === 'binary') return usual
  return (text: string) => (plainInstant.test(text) ? readInstant(text) : usual(text))
}

/** In UTC, with a year of four digits. */
const plainInstant = /^[1-9]\d{3}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?\+00$/

/** Digit by digit: cutting the text up and putting it together again made most of the garbage of reading a row. */
function readInstant(text: string): Date {
  const two = (at: number) => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528
  let ms = 0
  for (let at = 20, unit = 100; unit >= 1 && at < text.length - 3; at += 1, unit /= 10) ms += unit * (text.charCodeAt(at) - 48)
  return new Date(Date.UTC(two(0) * 100 + two(2), two(5) - 1, two(8), two(11), two(14), two(17), ms))
}

function withCodedErrors(pool: pg.Pool): PostgresPool {
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>()
  return {
    async connect() {
      const client = await pool.connect().catch((error: unknown) => {
        throw databaseError(error)
      })
      const known = clients.get(client)
      if (known !== undefined) return known
      const coded = codedClient(client)
      clients.set(client, coded)
      return coded
    },
    end: () => pool.end(),
  }
}

function codedClient(client: pg.PoolClient): PostgresPoolClient {
  let broken = false
  // Between checkout and release the pool does not listen; the query that fails tells the story.
  const onError = () => {
    broken = true
  }
  client.on('error', onError)
  const query = async (sql: string, parameters: readonly unknown[]) => {
    try {
      return await client.query(sql, parameters as unknown[])
    } catch (error) {
      const coded = databaseError(error)
      // A server that did not answer in time may answer the next query with this one's result.
      if (coded !== error && !isCutOff(error)) {
        broken = true
        client.connection.stream.destroy()
      }
      throw coded
    }
  }
  return { query: query as unknown as PostgresPoolClient['query'], release: () => client.release(broken) }
}

/** The server itself ended the statement and said so: the connection is sound. */
function isCutOff(error: unknown): boolean {
  const code = databaseCode(error)
  return code === '57014' || code === '55P03'
}
