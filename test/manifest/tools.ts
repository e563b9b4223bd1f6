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

interface HubspotParser {
  parseProjectConfig(folder: string): { name: string; srcDir: string; platformVersion: string }
  getProjectMetadata(source: string): Promise<{ components: Record<string, { count: number; maxCount: number }> }>
  isKnownPlatformVersion(version: string): boolean
  validateUid(uid: string): string | undefined
  translate(
    context: { projectSourceDir: string; platformVersion: string },
    options: { skipValidation: boolean; profile: string },
  ): Promise<{
    intermediateRepresentation: {
      intermediateNodesIndexedByUid: Record<string, { uid: string; componentType: string; config: Record<string, unknown> }>
    }
    skippedHsMetaFiles: string[]
  }>
  /** As the parser itself makes it, for the schemas that HubSpot serves. */
  createAjvInstance(): {
    addSchema(schema: object, key: string): void
    getSchema(path: string): (((value: unknown) => boolean) & { errors?: { instancePath: string; message?: string }[] | null }) | undefined
  }
}

const hubspotParser = '@hubspot/project-parsing-lib'

/** HubSpot's parser of projects, which its command line uses before an upload. */
export async function loadHubspotParser(): Promise<HubspotParser> {
  const parts = ['projects', 'translate', 'transform', 'uid', 'validation']
  const loaded = await Promise.all(parts.map((part) => import(fromManifest.resolve(`${hubspotParser}/${part}`))))
  return Object.assign({}, ...loaded)
}

interface Linter {
  lintText(text: string, options: { filePath: string }): Promise<{ messages: { ruleId: string | null; message: string; line: number }[] }[]>
}

/** ESLint with nothing but HubSpot's rules for extensions, for files below a folder. */
export async function loadHubspotLinter(cwd: string): Promise<Linter> {
  const { ESLint } = fromManifest('eslint') as { ESLint: new (options: object) => Linter }
  const { config } = await import(fromManifest.resolve('@hubspot/eslint-config-ui-extensions'))
  return new ESLint({ cwd, overrideConfigFile: true, overrideConfig: config })
}

interface Esbuild {
  transform(text: string, options: object): Promise<{ code: string }>
  build(options: object): Promise<unknown>
}

/** What HubSpot's build is made of. */
export const loadEsbuild = (): Esbuild => fromManifest('esbuild')

/** HubSpot's production build of one extension. */
export async function loadHubspotBuild(): Promise<{
  remoteBuild(options: { root: string; entryPoint: string; outputDir: string; logLevel: string; appConfig: object }): Promise<void>
}> {
  return import(fromManifest.resolve('@hubspot/ui-extensions-dev-server/build'))
}

/** The TypeScript compiler that the extensions are checked with. */
export const typescript = (): string => fromManifest.resolve('typescript/bin/tsc')
