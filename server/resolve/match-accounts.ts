/**
 * A CRM may give two accounts of one change: one told as it happens (a push), one read later from its history, whose times
 * can differ a little. They are the same change when each is the other's only partner: matched one to one, in the order of
 * time, within the CRM's tolerance. The first account that came in gives the change its time.
 */

export interface Account {
  /** Milliseconds since the epoch. */
  occurredAt: number
  origin: 'push' | 'stream' | 'poll' | 'history'
  /** False: the record was seen there; it may have got there earlier. */
  exact?: false
}
/** A change as the first account of it has it, and the time that the account of the other kind gives, once that came in. */
export interface Known extends Account {
  twin?: number
}

/**
 * Matches the accounts that came in with the changes of the same record and stage that are known. Pure.
 *
 * @returns the changes that were not known, by their first account, and those known ones that found their twin
 */
export function matchAccounts<Change extends Known, Heard extends Account>(
  known: readonly Change[],
  heard: readonly Heard[],
  toleranceMs: number,
): { fresh: (Heard & Known)[]; joined: (Change & { twin: number })[] } {
  // Mostly there is one account and nothing to compare it with.
  if (known.length === 0 && heard.length === 1) return { fresh: heard.map((account) => ({ ...account })), joined: [] }
  const joined: (Change & { twin: number })[] = []
  const fresh: (Heard & Known)[] = []
  const free = { told: known.filter((one) => !isRead(one) && !hasTwin(one)), read: known.filter((one) => isRead(one) && !hasTwin(one)) }
  const freshFree = { told: [] as (Heard & Known)[], read: [] as (Heard & Known)[] }

  /** Gives the account to the earliest change that only an account of the other kind is known of. */
  function join(account: Heard, within: number): boolean {
    const other = isRead(account) ? 'told' : 'read'
    const near = ({ occurredAt }: Known) => Math.abs(occurredAt - account.occurredAt) <= within
    const index = free[other].findIndex(near)
    if (index >= 0) {
      const [change] = free[other].splice(index, 1)
      joined.push({ ...(change as Change), twin: account.occurredAt })
      return true
    }
    const freshIndex = freshFree[other].findIndex(near)
    if (freshIndex < 0) return false
    const [change] = freshFree[other].splice(freshIndex, 1)
    ;(change as Known).twin = account.occurredAt
    return true
  }
  function add(account: Heard): void {
    const change = { ...account }
    fresh.push(change)
    freshFree[isRead(account) ? 'read' : 'told'].push(change)
  }

  for (const list of Object.values(free)) list.sort(inTime)
  let left = once(known, heard)
  left = left.filter((account) => !join(account, 0))
  // What both accounts date alike is one change before anything less certain is.
  const both = left.filter((account) => left.some((other) => isRead(other) !== isRead(account) && other.occurredAt === account.occurredAt))
  for (const account of both) if (!join(account, 0)) add(account)
  for (const account of left) if (!both.includes(account) && !join(account, toleranceMs)) add(account)
  // Where the record was only seen at the stage, history tells when it got there: at the last time before it was seen.
  for (const seen of free.told.filter(({ exact }) => exact === false).reverse()) {
    const earlier = fresh.filter((one) => isRead(one) && !hasTwin(one) && one.occurredAt <= seen.occurredAt + toleranceMs)
    const last = earlier.sort(inTime).at(-1)
    if (last === undefined) continue
    fresh.splice(fresh.indexOf(last), 1)
    joined.push({ ...seen, twin: last.occurredAt })
  }
  return { fresh, joined }
}

/** Each account that is no repeat of one that is known, once; those that were told first, for they are nearest to the change. */
function once<Heard extends Account>(known: readonly Known[], heard: readonly Heard[]): Heard[] {
  const key = (read: boolean, at: number) => `${read} ${at}`
  const seen = new Set(
    known.flatMap((one) => [key(isRead(one), one.occurredAt), ...(hasTwin(one) ? [key(!isRead(one), one.twin as number)] : [])]),
  )
  const left: Heard[] = []
  for (const account of heard) {
    const name = key(isRead(account), account.occurredAt)
    if (seen.has(name)) continue
    seen.add(name)
    left.push(account)
  }
  return left.sort((a, b) => Number(isRead(a)) - Number(isRead(b)) || inTime(a, b))
}

const isRead = ({ origin }: Account): boolean => origin === 'history'
const hasTwin = ({ twin }: Known): boolean => twin !== undefined
const inTime = (a: Account, b: Account): number => a.occurredAt - b.occurredAt
