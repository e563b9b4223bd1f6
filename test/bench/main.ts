/**
 * `npm run bench`: measures the parts in the table below. `-- --only NAME` runs one part; `-- --rows N` lets the ledger of
 * `grown` have so many rows only, `-- --records N` imports so many in `fairness`; `-- --json` prints one JSON object on stdout and nothing else there.
 */
import { parseArgs } from 'node:util'
import { delay } from './delay.ts'
import { fairness } from './fairness.ts'
import { figures as figuresPart } from './figures.ts'
import { finder } from './finder.ts'
import { grown } from './grown.ts'
import { intake } from './intake.ts'
import { leadsBulk } from './leads-bulk.ts'
import { mapping } from './mapping.ts'
import { scaling } from './scaling.ts'
import { streams } from './streams.ts'
import { memory, whole } from './whole.ts'

/** What the command line asks for. */
export interface Options {
  /** Finished rows in the grown ledger. */
  rows: number
  /** Records of the import of `fairness`. */
  records: number
}

/** A part: runs, tells what it sees through `say`, and returns its figures. */
export type Part = (say: (line: string) => void, options: Options) => Promise<Record<string, number>> | Record<string, number>

const parts: Record<string, Part> = {
  mapping,
  intake,
  whole,
  delay,
  grown,
  memory,
  streams,
  fairness,
  scaling,
  'leads-bulk': leadsBulk,
  figures: figuresPart,
  finder,
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    rows: { type: 'string', default: '10000000' },
    records: { type: 'string', default: '100000' },
  },
})
const names = values.only === undefined ? Object.keys(parts) : [values.only]
const say = (line: string) => {
  if (!values.json) process.stdout.write(`${line}\n`)
}

const figures: Record<string, Record<string, number>> = {}
for (const name of names) {
  const part = Object.hasOwn(parts, name) ? parts[name] : undefined
  if (part === undefined) {
    process.stderr.write(`there is no part "${name}"; parts: ${Object.keys(parts).join(', ')}\n`)
    process.exit(2)
  }
  say(`${name}:`)
  figures[name] = await part((line) => say(`  ${line}`), { rows: Number(values.rows), records: Number(values.records) })
}
if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
