/** What happened: notices, the audit trail, and all of it as files. */
import { Readable } from 'node:stream'
import { z } from 'zod'
import { auditText } from '../audit-actions.ts'
import { exportAudit, listAudit } from '../audit-trail.ts'
import type { Caller } from '../caller.ts'
import { exportConnection } from '../connection-file.ts'
import { exportLeadIds } from '../export-lead-ids.ts'
import { mappingCsv } from '../export-mapping.ts'
import { exportRecords } from '../export-records.ts'
import { readMapping } from '../mappings.ts'
import { exportMissingLeads } from '../missing-leads.ts'
import { listNotices } from '../notices.ts'
import { problem } from '../problem.ts'
import { answers, ok, requested } from './answers.ts'
import { issuePass, takePass } from './passes.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { tenantOf } from './visitor.ts'
import { noticeWords } from './words.ts'

export const notice = z
  .object({
    id: z.string(),
    subject: z.string(),
    about: z.string(),
    code: z.string(),
    text: z.string(),
    action: z.string().nullable().meta({ description: 'what the page can do about it' }),
    openedAt: z.date(),
    closedAt: z.date().nullable(),
  })
  .meta({ id: 'Notice' })

export const auditPage = z.object({
  lines: z.array(
    z.object({
      id: z.string(),
      at: z.date(),
      actor: z.string(),
      action: z.string(),
      text: z.string().meta({ description: 'the action in words' }),
      subject: z.string(),
      about: z.string().nullable().meta({ description: 'the connection or dataset that it is of, for people' }),
      detail: z.record(z.string(), z.unknown()),
    }),
  ),
  next: z.string().optional(),
})

const DOWNLOAD_MS = 5 * 60_000
const what = z.enum(['records', 'mapping', 'audit', 'configuration', 'lead-ids', 'missing-leads'])
const wanted = z.object({ what, connectionId: z.int(), workspaceId: z.int(), actor: z.string() })

export function trailRoutes(server: ApiServer, tools: ApiTools): void {
  const { db, publicUrl, connections, connectors } = tools
  const tags = ['trail']

  server.get(
    '/notices',
    {
      schema: {
        operationId: 'listNotices',
        tags,
        summary: 'What somebody has to know or do, the latest first',
        querystring: z.object({ closed: z.stringbool().default(false).meta({ description: 'also those that are over' }) }),
        response: answers(z.array(notice)),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const notices = await listNotices(caller, { closed: request.query.closed })
      return ok(notices.map((one) => ({ ...one, action: noticeWords(one).action })))
    },
  )

  server.get(
    '/audit',
    {
      schema: {
        operationId: 'listAudit',
        tags,
        summary: 'Who changed what, the latest first, page by page',
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(200).default(50),
          after: z.string().max(20).optional(),
        }),
        response: answers(auditPage),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const { lines, ...more } = await listAudit(caller, { ...request.query, workspace: caller.workspaceId })
      return ok({ lines: lines.map((line) => ({ ...line, text: auditText(line.action) })), ...more })
    },
  )

  server.post(
    '/downloads',
    {
      schema: {
        operationId: 'prepareDownload',
        tags,
        summary: 'An address under which a file can be fetched once, within five minutes',
        body: requested.extend({ what }),
        response: answers(z.object({ url: z.url() })),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      if (request.body.what === 'lead-ids' && connectors[connection.crm]?.leadIds === undefined)
        throw problem('no_lead_id_field', 'In this CRM there is no field for the Meta lead id to read.')
      // Why it cannot be said which are missing is told where the file is asked for.
      if (request.body.what === 'missing-leads') await exportMissingLeads(caller, caller.workspaceId).next()
      const body = { what: request.body.what, connectionId: connection.id, workspaceId: caller.workspaceId, actor: caller.actor }
      return ok({ url: `${publicUrl}/api/downloads/${await issuePass(db, 'download', body, DOWNLOAD_MS)}` })
    },
  )

  server.get(
    '/downloads/:word',
    {
      config: { for: 'anybody' },
      schema: {
        operationId: 'download',
        tags,
        summary: 'The file: CSV, or the configuration as JSON',
        params: z.object({ word: z.string().max(64) }),
      },
    },
    async (request, reply) => {
      const pass = wanted.safeParse(await takePass(db, 'download', request.params.word))
      if (!pass.success) throw problem('download_unknown', 'This file was fetched already, or the address has run out. Ask for it again.')
      const { what, connectionId, ...who } = pass.data
      const caller = { db, ...who }
      const isJson = what === 'configuration'
      const file = isJson
        ? JSON.stringify(await exportConnection(caller, connectionId), null, 2)
        : await csvOf(what, caller, connectionId, connections)
      return reply
        .type(isJson ? 'application/json; charset=utf-8' : 'text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="leadstage-${what}-${connectionId}.${isJson ? 'json' : 'csv'}"`)
        .send(file)
    },
  )
}

async function csvOf(
  what: Exclude<z.output<typeof wanted>['what'], 'configuration'>,
  caller: Caller & { workspaceId: number },
  connectionId: number,
  connections: ApiTools['connections'],
): Promise<string | Readable> {
  if (what === 'mapping') return mappingCsv((await readMapping(caller, connectionId)).mapping)
  if (what === 'lead-ids') return Readable.from(exportLeadIds(caller, connectionId, connections))
  if (what === 'missing-leads') return Readable.from(exportMissingLeads(caller, caller.workspaceId))
  return Readable.from(
    what === 'records' ? exportRecords(caller, { connectionId }) : exportAudit(caller, { workspace: caller.workspaceId }),
  )
}
