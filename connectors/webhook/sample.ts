/** A sample request, laid out for a person who has to say where its fields are. */
import type { RawRequest } from '../connector.ts'
import { readBody, readRecords } from './parse.ts'
import type { WebhookSettings } from './settings.ts'

const MOST_PATHS = 300
const LONGEST = 60
const DEEPEST = 20

export interface Sample {
  /** Paths to lists in the body, for the setting `records`. */
  lists: string[]
  /** The values of the first record, with the paths that the other settings take. */
  fields: { path: string; value: string }[]
}

/** What the body of a request holds. Empty for what cannot be read. Never throws. */
export function layOut(request: Pick<RawRequest, 'headers' | 'body'>, settings: WebhookSettings): Sample {
  const [first] = readRecords(request, settings) ?? []
  const lists = leaves(readBody(request)).flatMap(({ names, value }) => (Array.isArray(value) ? [pathOf(names)] : []))
  const fields = leaves(first).flatMap(({ names, value }) =>
    Array.isArray(value) || names.length === 0 ? [] : [{ path: pathOf(names), value: shorten(value) }],
  )
  return { lists: lists.filter((path) => path !== ''), fields }
}

/** Lists, and values that hold nothing further; of lists only the first item is looked into. */
function leaves(value: unknown, names: string[] = [], found: { names: string[]; value: unknown }[] = []) {
  if (found.length >= MOST_PATHS || names.length > DEEPEST) return found
  if (typeof value !== 'object' || value === null) found.push({ names, value })
  else {
    if (Array.isArray(value)) found.push({ names, value })
    for (const [name, part] of Array.isArray(value) ? Object.entries(value.slice(0, 1)) : Object.entries(value))
      leaves(part, [...names, name], found)
  }
  return found
}

/** A dot path; a JSON Pointer where names hold dots or slashes. */
function pathOf(names: string[]): string {
  if (names.every((name) => /^[^./~]+$/.test(name))) return names.join('.')
  return names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function shorten(value: unknown): string {
  const text = String(value)
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
