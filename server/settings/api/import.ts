/** Lead ids from a table that somebody exported from Meta: first what would come of it, then the same once more to keep it. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { importLeads } from '../import-leads.ts'
import { problem } from '../problem.ts'
import { recordRef } from './activity.ts'
import { answers, ok } from './answers.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { tenantOf } from './visitor.ts'

export const leadImport = z
  .object({
    kept: z.boolean().meta({ description: 'false: nothing was changed, only told' }),
    confirm: z.string().meta({ description: 'stands for this file and country: given with them again, they are kept' }),
    leads: z.int().meta({ description: 'lines with a lead id that can be read' }),
    fresh: z.int(),
    known: z.int(),
    tests: z.int(),
    erased: z.int().meta({ description: 'of people who asked to be forgotten; they are left out' }),
    matched: z.int().meta({ description: 'CRM records that find their lead by it' }),
    records: z
      .array(z.object({ connectionId: z.int(), record: recordRef, metaLeadId: z.string() }))
      .meta({ description: 'the first fifty of these' }),
    unreadable: z.int(),
    lines: z.array(z.object({ line: z.int(), code: z.string(), text: z.string() })).meta({ description: 'the first fifty of these' }),
  })
  .meta({ id: 'LeadImport' })

/** Some tens of thousands of leads. */
const MOST_BYTES = 8_388_608

export function importRoutes(api: ApiServer, tools: ApiTools): void {
  api.register(async (scope) => {
    const server = scope as ApiServer
    // Read only once it is known who sends it.
    server.addContentTypeParser('text/csv', (_request, payload, done) => done(null, payload))

    server.post(
      '/leads/import',
      {
        schema: {
          operationId: 'importLeads',
          tags: ['leads'],
          summary: 'Tells what a table of leads would bring; with the `confirm` of that answer it is kept. Sends nothing by itself',
          consumes: ['text/csv'],
          querystring: z.object({
            country: z.string().max(2).optional().meta({ description: 'reads phone numbers without a country code: DE, for instance' }),
            confirm: z.string().max(64).optional(),
          }),
          body: z
            .any()
            .meta({ type: 'string', format: 'binary', description: 'the file as it was exported, up to 8 MB; a bearer is needed' }),
          response: answers(leadImport),
        },
      },
      async (request) => {
        const { body } = request
        const { caller } = tenantOf(request, tools)
        const { country, confirm: given } = request.query
        if (!(body instanceof Readable)) throw problem('invalid_input', 'Send the table as it is, with the content type text/csv.')
        const file = await readAll(body)
        const confirm = createHash('sha256')
          .update(JSON.stringify([caller.workspaceId, country ?? null]))
          .update(file)
          .digest('hex')
        const keep = given !== undefined
        if (keep && given !== confirm)
          throw problem('invalid_input', 'This is not the file, or not the country, that was looked at before.')
        const wanted = { workspace: caller.workspaceId, keep, ...(country !== undefined && { country }) }
        return ok({ kept: keep, confirm, ...(await importLeads(caller, wanted, Readable.from([file]), tools.vault)) })
      },
    )
  })
}

/** Throws `CodedError` `file_too_large`. */
async function readAll(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES)
      throw problem('file_too_large', 'The file has more than 8 MB. Cut it into parts that begin with the first line.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
