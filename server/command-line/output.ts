/** How commands print: tables for people, JSON for machines; no colours. */
import { once } from 'node:events'

/** Prints `value` as JSON where that was asked for, else the text. */
export function print(json: boolean | undefined, value: unknown, text: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(value, null, 2) : text()}\n`)
}

/** Writes text piece by piece, no faster than it is taken. */
export async function stream(pieces: AsyncIterable<string>): Promise<void> {
  for await (const piece of pieces) if (!process.stdout.write(piece)) await once(process.stdout, 'drain')
}

/** Rows under their headings, in columns of equal width; `none` where there are no rows. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number | null)[])[], none: string): string {
  if (rows.length === 0) return none
  const cells = [headings, ...rows].map((row) => row.map((cell) => oneLine(cell === null || cell === '' ? '-' : String(cell))))
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `name: value` lines with the values in one column; absent values are left out. */
export function facts(pairs: readonly (readonly [string, string | number | null | undefined])[]): string {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
  const width = Math.max(0, ...known.map(([name]) => name.length))
  return known.map(([name, value]) => `${`${name}:`.padEnd(width + 1)} ${value}`).join('\n')
}

/** An instant as ISO 8601 in the machine's time zone, with its offset: `2026-11-22T03:29:11+01:00`. */
export function time(at: Date | null): string | null {
  if (at === null) return null
  const offset = -at.getTimezoneOffset()
  const two = (value: number) => String(Math.trunc(Math.abs(value))).padStart(2, '0')
  const local = new Date(at.getTime() + offset * 60_000).toISOString().slice(0, 19)
  return `${local}${offset < 0 ? '-' : '+'}${two(offset / 60)}:${two(offset % 60)}`
}

/** What comes from a CRM may hold anything: control characters would break the table, or the terminal. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ')
}
