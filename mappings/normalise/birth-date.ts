import { dropped, type Normalised } from './normalised.ts'

const invalid = dropped('birth_date_invalid')

/**
 * `db`: `YYYYMMDD`, year 1900 to now (Meta, customer information parameters). Takes ISO dates, with or without a time behind
 * them, and slashed dates whose day cannot be a month; where day and month could be swapped the date is dropped.
 * `now` in ms.
 */
export const normaliseBirthDate = (text: string, now: number): Normalised => {
  const date = text.trim()
  if (date === '') return undefined
  const iso = /^(\d{4})-?(\d{2})-?(\d{2})(?:T.*)?$/.exec(date)
  if (iso) return checked(Number(iso[1]), Number(iso[2]), Number(iso[3]), now)
  const local = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$/.exec(date)
  if (!local) return invalid
  const first = Number(local[1])
  const second = Number(local[2])
  if (first <= 12 && second <= 12 && first !== second) return invalid
  return first > 12 ? checked(Number(local[3]), second, first, now) : checked(Number(local[3]), first, second, now)
}

const checked = (year: number, month: number, day: number, now: number): Normalised => {
  const at = Date.UTC(year, month - 1, day)
  const real = new Date(at)
  if (year < 1900 || at > now || real.getUTCMonth() !== month - 1 || real.getUTCDate() !== day) return invalid
  return real.toISOString().slice(0, 10).replaceAll('-', '')
}
