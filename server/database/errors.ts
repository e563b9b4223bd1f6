/**
 * What a failure of the database means for the work that met it.
 */
import { CodedError } from '../../connectors/errors.ts'

/**
 * SQLSTATE codes after which the same work may succeed later (PostgreSQL documentation, appendix A): connection exceptions,
 * insufficient resources, the server going down or coming up, a statement cut off by its time-out, a read-only standby.
 */
const TRANSIENT_STATE = /^(08...|53...|57P0[1-5]|57014|25006|55P03)$/
/** Operating system errors of a connection, and the sentences of the `pg` client, which gives its own errors no code. */
const TRANSIENT_CODE = /^E(CONN|PIPE|TIMEDOUT|HOST|NET|AI_AGAIN|NOTFOUND)/
const TRANSIENT_TEXT = /connection terminated|timeout exceeded|query read timeout|client was closed|not queryable|connection error/i

/** SQLSTATE or operating system code of an error, where it has one. */
export function databaseCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

/** True for the two ways in which concurrent transactions can stop each other; the whole transaction has to be repeated. */
export function isConflict(error: unknown): boolean {
  const code = databaseCode(error)
  return code === '40001' || code === '40P01'
}

/**
 * @returns `database_unavailable` (retry later) for failures that pass; every other error unchanged, because it is a fault
 * of the statement or a constraint that the caller may want to tell apart.
 */
export function databaseError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CodedError) return error
  const code = databaseCode(error)
  const transient = code === undefined ? TRANSIENT_TEXT.test(error.message) : TRANSIENT_STATE.test(code) || TRANSIENT_CODE.test(code)
  return transient ? unavailable(error, code) : error
}

/** The coded error for a database that cannot do the work now. */
export function unavailable(cause: unknown, code = databaseCode(cause)): CodedError {
  return new CodedError({
    code: 'database_unavailable',
    retry: 'later',
    scope: 'connection',
    userText: 'The database cannot be reached or is too busy. Work goes on by itself when it answers again.',
    message: `database_unavailable${code === undefined ? '' : ` (${code})`}`,
    cause,
  })
}
