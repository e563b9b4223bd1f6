import { once } from 'node:events'
import type { Command } from 'commander'
import { z } from 'zod'
import { leadStageRecord } from '../../connectors/record.ts'
import { leadEventSource } from '../../connectors/registry.ts'
import { type Rules, rules as rulesSchema } from '../../mappings/rules.ts'
import { stageMapping } from '../../mappings/stage-mapping.ts'
import { readConfig } from '../config.ts'
import { environment } from '../environment.ts'
import { findConnection } from '../settings/find.ts'
import { readMapping } from '../settings/mappings.ts'
import { createPreview, type PreviewOptions } from '../settings/preview.ts'
import { parseInput, problem } from '../settings/problem.ts'
import { listRoutes } from '../settings/routes.ts'
import { examples } from './example.ts'
import { instant, readJson, readLines, wholeNumber } from './input.ts'
import { print } from './output.ts'
import { withTools } from './tools.ts'

interface Options {
  connection?: number
  mapping?: string
  rules?: string
  dataset?: string
  at?: Date
  schema?: boolean
}

const LINE_LIMIT = 1_000_000

/** `preview`. */
export function addPreviewCommand(program: Command): void {
  program
    .command('preview')
    .description(
      'read lead-stage records as NDJSON on standard input and print, line by line, the exact conversion event or why there is none; nothing is sent, and no database is needed without --connection',
    )
    .option('--connection <connection>', 'with the mapping, rules and dataset of this connection', wholeNumber)
    .option('--mapping <file>', 'with this mapping; else the default mapping of the CRM')
    .option('--rules <file>', 'with these rules; else the defaults')
    .option('--dataset <id>', "Meta's id of the dataset; it is part of every event id")
    .option('--at <time>', 'as if it were this time (ISO 8601)', instant)
    .option('--schema', 'print the JSON Schema of a lead-stage record')
    .addHelpText(
      'after',
      examples('preview < records.ndjson', 'preview --connection 1 --at 2026-01-31T09:00:00Z < records.ndjson', 'preview --schema'),
    )
    .action(async (options: Options) => {
      if (options.schema) return print(true, z.toJSONSchema(leadStageRecord, { io: 'input' }), () => '')
      const { lines, invalid } = await previewAll(await settingsOf(options), options.at)
      if (invalid > 0)
        throw problem('records_invalid', `${invalid} of ${lines} lines are no lead-stage records; --schema prints what one looks like.`)
    })
}

async function settingsOf({ connection, mapping, rules, dataset }: Options): Promise<PreviewOptions> {
  const { eventMaxAgeMs: maxAgeMs, eventMaxFutureMs: maxFutureMs } = readConfig(environment())
  const saved = connection === undefined ? undefined : await savedSettings(connection)
  return {
    limits: { maxAgeMs, maxFutureMs },
    crm: saved?.crm,
    leadEventSource: saved?.leadEventSource,
    mapping: mapping === undefined ? saved?.mapping : parseInput(stageMapping, await readJson(mapping), 'The mapping'),
    rules: rules === undefined ? (saved?.rules ?? rulesSchema.parse({})) : parseInput(rulesSchema, await readJson(rules), 'The rules'),
    datasetId: dataset ?? saved?.datasetId ?? '0',
  }
}

function savedSettings(connection: number): Promise<PreviewOptions & { rules: Rules }> {
  return withTools(async ({ caller }) => {
    const row = await findConnection(caller, connection)
    const { mapping } = await readMapping(caller, connection)
    const [route] = await listRoutes(caller, { connectionId: connection })
    const named = leadEventSource(row.crm, row.settings)
    return { crm: row.crm, leadEventSource: named, rules: rulesSchema.parse(row.rules), mapping, datasetId: route?.metaId ?? '0' }
  })
}

/** Reads no faster than the output is taken. */
async function previewAll(settings: PreviewOptions, at: Date | undefined): Promise<{ lines: number; invalid: number }> {
  const preview = createPreview(settings)
  let lines = 0
  let invalid = 0
  for await (const batch of readLines(process.stdin, LINE_LIMIT)) {
    let output = ''
    for (const text of batch) {
      lines += 1
      const { line, valid } = preview(text, lines, at?.getTime() ?? Date.now())
      if (!valid) invalid += 1
      output += `${line}\n`
    }
    if (output !== '' && !process.stdout.write(output)) await once(process.stdout, 'drain')
  }
  return { lines, invalid }
}
