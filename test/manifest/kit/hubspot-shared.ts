/**
 * What the extensions inside HubSpot share. Each of their folders is built alone, so each gets a copy: of the parts that they
 * have in common, of the web page's words, how it writes instants and what it reckons with stages and figures, and of the types of the
 * API's answers.
 */
import { execFileSync } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import * as account from '../../../server/settings/api/account.ts'
import * as activity from '../../../server/settings/api/activity.ts'
import { backfill } from '../../../server/settings/api/backfills.ts'
import * as figures from '../../../server/settings/api/figures.ts'
import { firstRun, sentOne } from '../../../server/settings/api/first-run.ts'
import * as leads from '../../../server/settings/api/leads.ts'
import { overview } from '../../../server/settings/api/overview.ts'
import { digest, recipient } from '../../../server/settings/api/people.ts'
import { session } from '../../../server/settings/api/session.ts'
import { mapping, mappingVersion, stages } from '../../../server/settings/api/stages.ts'
import { auditPage } from '../../../server/settings/api/trail.ts'
import { outcomes } from '../../../server/settings/api/words.ts'

const root = join(import.meta.dirname, '../../..')
const source = 'manifest/hubspot/shared'
const extensions = ['settings', 'pages', 'cards']
/** Of the web page. */
const read = (path: string) => readFile(join(root, 'server/settings/web/src', path), 'utf8')
/** Of a view: what it imports lies beside it in an extension. */
const ofView = async (path: string) =>
  (await read(`views/${path}`)).replaceAll('../../api/resources.ts', './answers.ts').replaceAll('../../words.ts', './words.ts')
const MADE = '// Made by `npm run packages:share`. Change what it is made from instead.\n'

const answers: Record<string, z.ZodType> = {
  Session: session,
  Overview: overview,
  FirstRun: firstRun,
  SentOne: sentOne,
  Figures: figures.figures,
  StageReport: figures.stageReport,
  Way: figures.way,
  Mapping: mapping,
  MappingVersion: mappingVersion,
  Stages: stages,
  LeadRules: leads.leadRules,
  TriedRules: leads.triedRules,
  Field: leads.field,
  FieldSample: leads.fieldSample,
  CrmSettings: leads.crmSettings,
  MissingLeads: leads.missingLeads,
  Preview: leads.leadPreview,
  ReasonCount: activity.reasonCount,
  RecordPage: activity.recordPage,
  Reevaluation: activity.reevaluation,
  Story: activity.story,
  Backfill: backfill,
  Connection: account.connection,
  Finding: account.finding,
  Dataset: account.dataset,
  Route: account.route,
  Recipient: recipient,
  Digest: digest,
  AuditPage: auditPage,
}

/** Text by path from the root of the repository. */
export async function sharedFiles(): Promise<Map<string, string>> {
  const names = (await readdir(join(root, source))).filter((name) => /\.tsx?$/.test(name))
  const texts = new Map<string, string>()
  for (const name of names) texts.set(name, MADE + (await readFile(join(root, source, name), 'utf8')))
  const made = {
    'words.ts': await read('words.ts'),
    'write-instant.ts': await read('parts/write-instant.ts'),
    'funnel-of.ts': await ofView('overview/funnel-of.ts'),
    'draft.ts': await ofView('stages/draft.ts'),
    'compare.ts': await ofView('stages/compare.ts'),
    'codes.ts': `export const outcomes = ${JSON.stringify(outcomes)} as const`,
    'answers.ts': Object.entries(answers)
      .map(([name, schema]) => `export type ${name} = ${typeOf(schema)}`)
      .join('\n'),
  }
  for (const [name, text] of Object.entries(made)) texts.set(name, MADE + format(text))
  return new Map(
    extensions.flatMap((extension) => [...texts].map(([name, text]) => [`manifest/hubspot/src/app/${extension}/shared/${name}`, text])),
  )
}

/** As all code here is formatted. */
const format = (text: string): string =>
  execFileSync(join(root, 'node_modules/.bin/biome'), ['format', '--stdin-file-path=shared.ts'], {
    cwd: root,
    input: text,
    encoding: 'utf8',
  })

interface Json {
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  anyOf?: Json[]
  oneOf?: Json[]
  items?: Json
  properties?: Record<string, Json>
  required?: string[]
  additionalProperties?: Json | boolean
  $ref?: string
  $defs?: Record<string, Json>
}

/** The type of an answer as JSON carries it: instants are text. */
function typeOf(schema: z.ZodType): string {
  const json = z.toJSONSchema(schema, {
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === 'date') jsonSchema.type = 'string'
    },
  }) as Json
  return write(json, json.$defs ?? {})
}

function write(json: Json, defs: Record<string, Json>): string {
  if (json.$ref !== undefined) return write(defs[json.$ref.replace('#/$defs/', '')] ?? {}, defs)
  if (json.const !== undefined) return JSON.stringify(json.const)
  const choices = json.enum?.map((one) => JSON.stringify(one)) ?? (json.anyOf ?? json.oneOf)?.map((one) => write(one, defs))
  if (choices !== undefined) return `(${choices.join(' | ')})`
  if (Array.isArray(json.type)) return `(${json.type.map((type) => write({ ...json, type }, defs)).join(' | ')})`
  switch (json.type) {
    case 'integer':
      return 'number'
    case 'array':
      return `${write(json.items ?? {}, defs)}[]`
    case 'object': {
      const named = Object.entries(json.properties ?? {}).map(
        ([name, one]) => `${name}${json.required?.includes(name) ? '' : '?'}: ${write(one, defs)}`,
      )
      if (named.length > 0) return `{ ${named.join('; ')} }`
      return `Record<string, ${typeof json.additionalProperties === 'object' ? write(json.additionalProperties, defs) : 'unknown'}>`
    }
    default:
      return json.type ?? 'unknown'
  }
}
