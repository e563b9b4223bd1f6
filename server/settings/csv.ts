/** Tables as CSV (RFC 4180, UTF-8 with a byte order mark, so that spreadsheets read names of every language). */

export type Cell = string | number | boolean | Date | null | undefined

/** What a file begins with: the byte order mark and its headings. Pure. */
export const csvHead = (headings: readonly string[]): string => `\uFEFF${csvLine(headings)}`

/** One line with its end. Instants are written as ISO 8601 in UTC. Pure. */
export const csvLine = (cells: readonly Cell[]): string => `${cells.map((cell) => quoted(guarded(textOf(cell)))).join(',')}\r\n`

/** A Meta lead id as Meta's own exports write it: no spreadsheet takes it for a number and rounds it. Pure. */
export const csvLeadId = (id: string | null): string | null => (id === null ? null : `l:${id}`)

function textOf(cell: Cell): string {
  if (cell === null || cell === undefined) return ''
  return cell instanceof Date ? cell.toISOString() : String(cell)
}

/**
 * An apostrophe goes before what a spreadsheet would carry out as a formula (OWASP, CSV injection), and before what it would
 * take for a number and round: more digits than it holds, or digits with an `e` among them.
 */
const guarded = (text: string): string => (/^[=+\-@\t\r]|^\d{12,}$|^\d+e\d+$/i.test(text) ? `'${text}` : text)

const quoted = (text: string): string => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
