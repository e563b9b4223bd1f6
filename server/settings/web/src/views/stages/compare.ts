/** What two mappings differ in, in words, and how the changes of two people go together. Pure. */
import type { Mapping } from '../../api/resources.ts'
import { words } from '../../words.ts'
import { isReported, keyOf, type Line } from './draft.ts'

const said = words.stages
const RAW_LEAD = 'rawLead'
const ORDER = 'order'

export type Side = 'mine' | 'theirs'
export interface Conflict {
  key: string
  /** What both have changed, and to what each. */
  what: string
  mine: string
  theirs: string
}

const nameOf = ({ label, stageId }: Line) => label || stageId
const lineOf = ({ stages }: Mapping, key: string) => stages.find((line) => keyOf(line) === key)
const keysOf = ({ stages }: Mapping) => stages.map(keyOf)

/** A stage that is not in the table is one that is not reported. */
function textOf(mapping: Mapping, key: string): string {
  const { rawLead } = mapping
  if (key === RAW_LEAD) return rawLead.enabled ? said.reportedAs(rawLead.eventName, false) : said.off_
  if (key === ORDER) return mapping.stages.filter(isReported).map(nameOf).join(', ')
  const line = lineOf(mapping, key)
  if (line?.negative) return said.lost
  return line === undefined || line.eventName === null ? said.off_ : said.reportedAs(line.eventName, line.sendAmount)
}

/** The order matters among stages that both report. */
function isSame(a: Mapping, b: Mapping, key: string): boolean {
  if (key !== ORDER) return textOf(a, key) === textOf(b, key)
  const [inA, inB] = [a, b].map(({ stages }) => stages.filter(isReported).map(keyOf)) as [string[], string[]]
  return inA.filter((one) => inB.includes(one)).join() === inB.filter((one) => inA.includes(one)).join()
}

const whatOf = (key: string, ...mappings: Mapping[]): string => {
  if (key === RAW_LEAD) return said.rawLead
  if (key === ORDER) return said.order
  const line = mappings.map((mapping) => lineOf(mapping, key)).find((one) => one !== undefined)
  return line === undefined ? key : nameOf(line)
}

const partsOf = (...mappings: Mapping[]): string[] => [...new Set([RAW_LEAD, ...mappings.flatMap(keysOf), ORDER])]

/** What somebody changed, each in words. */
export const differences = (before: Mapping, after: Mapping): string[] =>
  partsOf(before, after)
    .filter((key) => !isSame(before, after, key))
    .map((key) => words.conflict.difference(whatOf(key, after, before), textOf(before, key), textOf(after, key)))

/**
 * Puts the changes of two people together. Where both changed the same to something else, `choices` says whose counts; theirs, as long
 * as it does not.
 */
export function merge(
  { base, mine, theirs }: { base: Mapping; mine: Mapping; theirs: Mapping },
  choices: Readonly<Record<string, Side>> = {},
): { mapping: Mapping; conflicts: Conflict[] } {
  const sides = { mine, theirs }
  const conflicts: Conflict[] = []
  const sideOf = (key: string): Side => {
    if (isSame(base, mine, key) || isSame(mine, theirs, key)) return 'theirs'
    if (isSame(base, theirs, key)) return 'mine'
    conflicts.push({ key, what: whatOf(key, mine, theirs), mine: textOf(mine, key), theirs: textOf(theirs, key) })
    return choices[key] ?? 'theirs'
  }
  const { rawLead } = sides[sideOf(RAW_LEAD)]
  const lines = new Map([...new Set([...keysOf(theirs), ...keysOf(mine)])].map((key) => [key, lineOf(sides[sideOf(key)], key)]))
  const order = sideOf(ORDER)
  const keys = weave(keysOf(sides[order]), keysOf(sides[order === 'mine' ? 'theirs' : 'mine']))
  return { mapping: { rawLead, stages: keys.flatMap((key) => lines.get(key) ?? []) }, conflicts }
}

/** What only the second has comes behind what it has before it. */
function weave(first: readonly string[], second: readonly string[]): string[] {
  const woven = [...first]
  for (const [index, key] of second.entries())
    if (!woven.includes(key)) woven.splice(index === 0 ? 0 : woven.indexOf(second[index - 1] as string) + 1, 0, key)
  return woven
}
