/**
 * Reads tables as people export them, a bounded piece at a time: comma, semicolon or tab between cells (RFC 4180 otherwise), UTF-8
 * or UTF-16 (Meta's own exports are UTF-16 with tabs), with a byte order mark or without.
 */
import { setImmediate as afterOthers } from 'node:timers/promises'
import { TextDecoder } from 'node:util'
import { CodedError } from '../../connectors/errors.ts'

export interface CsvRow {
  /** Number of the line that it begins in, from 1. */
  line: number
  cells: string[]
}

/** A row of more characters is none: a quote was opened and never closed. */
const LONGEST_ROW = 1_000_000

/** Bytes that are read before others get their turn. */
const PIECE = 65_536

/** The rows of a file, those of one piece together. Throws `CodedError` `not_csv`. */
export async function* readCsv(chunks: AsyncIterable<Buffer>): AsyncGenerator<CsvRow[]> {
  const parser = createParser()
  let decoder: TextDecoder | undefined
  let bytes: Buffer = Buffer.alloc(0)
  for await (const piece of piecesOf(chunks)) {
    bytes = Buffer.concat([bytes, piece])
    // Two bytes tell the encoding.
    if (bytes.length < 2) continue
    decoder ??= new TextDecoder(encodingOf(bytes))
    yield parser.read(decoder.decode(bytes, { stream: true }))
    bytes = Buffer.alloc(0)
  }
  decoder ??= new TextDecoder()
  yield parser.read(`${decoder.decode(bytes)}\n`)
  parser.end()
}

async function* piecesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += PIECE) {
      yield chunk.subarray(from, from + PIECE)
      await afterOthers()
    }
  }
}

/** Without a mark, plain letters of UTF-16 give themselves away by the zero bytes between them. */
function encodingOf(start: Buffer): string {
  const [first, second] = start
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  if (second === 0) return 'utf-16le'
  return first === 0 ? 'utf-16be' : 'utf-8'
}

/** `read` takes the text piece by piece and gives the rows that have ended in it; empty lines are none. */
function createParser(): { read(text: string): CsvRow[]; end(): void } {
  let delimiter: string | undefined
  /** What is read before the first line has ended, by which the delimiter is known. */
  let head = ''
  let line = 1
  let row: CsvRow = { line, cells: [] }
  let cell = ''
  let length = 0
  let quoted: 'no' | 'yes' | 'closing' = 'no'
  let afterReturn = false

  function take(char: string, rows: CsvRow[]): void {
    const ends = char === '\n' || char === '\r'
    const isSecondHalf = char === '\n' && afterReturn
    afterReturn = char === '\r'
    if (ends && !isSecondHalf) line += 1
    if (quoted === 'yes') {
      if (char === '"') quoted = 'closing'
      else cell += char
    } else if (quoted === 'closing' && char === '"') {
      cell += char
      quoted = 'yes'
    } else if (char === delimiter) {
      row.cells.push(cell)
      cell = ''
      quoted = 'no'
    } else if (ends) {
      if (!isSecondHalf) rows.push({ ...row, cells: [...row.cells, cell] })
      row = { line, cells: [] }
      cell = ''
      length = 0
      quoted = 'no'
    } else if (char === '"' && cell === '' && quoted === 'no') quoted = 'yes'
    else cell += char
    length += 1
    if (length > LONGEST_ROW) throw notCsv()
  }

  function read(text: string): CsvRow[] {
    const rows: CsvRow[] = []
    let ready = text
    if (delimiter === undefined) {
      head += text
      if (!/[\r\n]/.test(head)) {
        if (head.length > LONGEST_ROW) throw notCsv()
        return rows
      }
      delimiter = delimiterOf(head.split(/[\r\n]/, 1)[0] as string)
      ready = head
    }
    for (const char of ready) take(char, rows)
    return rows.filter(({ cells }) => cells.length > 1 || cells[0] !== '')
  }

  return {
    read,
    end() {
      if (quoted === 'yes') throw notCsv()
    },
  }
}

/** The separator that the headings have most of. */
function delimiterOf(headings: string): string {
  const plain = headings.replace(/"[^"]*"/g, '')
  const counted = ['\t', ';', ','].map((char) => ({ char, count: plain.split(char).length }))
  return counted.reduce((most, one) => (one.count > most.count ? one : most)).char
}

const notCsv = () =>
  new CodedError({
    code: 'not_csv',
    retry: 'never',
    scope: 'batch',
    userText: 'The file is no table: a line has no end. Export it as CSV, with a quotation mark only around whole cells.',
  })
