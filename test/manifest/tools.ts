/** The vendors' tools, which live beside the packages and not among those of the server. */
import { createRequire } from 'node:module'
import { join } from 'node:path'

const manifest = join(import.meta.dirname, '../../manifest')
const fromManifest = createRequire(join(manifest, 'package.json'))

/** What is used of Salesforce's library for source and metadata format. */
interface SourceTools {
  ComponentSet: { fromSource(folder: string): { size: number; sourceApiVersion?: string; projectDirectory?: string } }
  MetadataConverter: new () => {
    convert(set: unknown, to: 'metadata', output: { type: 'directory'; outputDirectory: string; genUniqueDir: boolean }): Promise<unknown>
  }
}

/** A schema as the vendor's tools use it themselves. */
interface Schema {
  safeParse(value: unknown): { success: boolean; error?: { message: string } }
}

interface XmlTools {
  XMLParser: new (options: Record<string, unknown>) => { parse(text: string): Record<string, unknown> }
  XMLValidator: { validate(text: string): true | { err: { msg: string; line: number } } }
}

const salesforceTools = '@salesforce/source-deploy-retrieve'

/** Salesforce's own converter: the one that its command line, and so the making of a package version, uses. */
export const loadSourceTools = (): SourceTools => fromManifest(salesforceTools)

/** The XML parser that the converter uses. */
export const loadXmlTools = (): XmlTools => createRequire(fromManifest.resolve(salesforceTools))('fast-xml-parser')

/** Salesforce's schemas of a project and of the definition of a scratch org. */
export const loadSchemas = (): { ProjectJsonSchema: Schema; ScratchOrgDefSchema: Schema } =>
  createRequire(fromManifest.resolve(salesforceTools))('@salesforce/core')
