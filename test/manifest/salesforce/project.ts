/** The files of the Salesforce project, and what stands in them. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadXmlTools } from '../tools.ts'

export const folder = join(import.meta.dirname, '../../../manifest/salesforce')

/** Text by path from the project's folder. */
export type Project = ReadonlyMap<string, string>

/** All source of the project: what is packaged, what the Dev Hub gets, what admins may deploy. */
export function readProject(): Project {
  const paths = globSync(['sfdx-project.json', 'config/*.json', '{force-app,dev-hub,for-admins}/**/*.*'], { cwd: folder })
  return new Map(paths.sort().map((path) => [path, readFileSync(join(folder, path), 'utf8')]))
}

/** An element: its text where it holds no others, and those it holds, by name. */
export interface Element {
  text: string
  attributes: Record<string, string>
  children: Map<string, Element[]>
}

/** The root element and its name. Throws `Error`, with what is wrong and where, for text that is not well-formed XML. */
export function readXml(text: string): { name: string; root: Element } {
  const { XMLParser, XMLValidator } = loadXmlTools()
  const valid = XMLValidator.validate(text)
  if (valid !== true) throw new Error(`line ${valid.err.line}: ${valid.err.msg}`)
  const parsed = new XMLParser({ ignoreDeclaration: true, ignoreAttributes: false, attributeNamePrefix: '@', parseTagValue: false }).parse(
    text,
  )
  const [found] = Object.entries(parsed)
  if (found === undefined) throw new Error('there is no element')
  return { name: found[0], root: elementOf(found[1]) }
}

function elementOf(parsed: unknown): Element {
  if (typeof parsed !== 'object' || parsed === null) return { text: String(parsed ?? ''), attributes: {}, children: new Map() }
  const entries = Object.entries(parsed)
  return {
    text: String(entries.find(([name]) => name === '#text')?.[1] ?? ''),
    attributes: Object.fromEntries(entries.flatMap(([name, value]) => (name.startsWith('@') ? [[name.slice(1), String(value)]] : []))),
    children: new Map(
      entries.flatMap(([name, value]) =>
        /^[@#]/.test(name) ? [] : [[name, (Array.isArray(value) ? value : [value]).map(elementOf)] as const],
      ),
    ),
  }
}
