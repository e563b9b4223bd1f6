import type { Command } from 'commander'
import { type AuditLine, exportAudit, listAudit } from '../settings/audit-trail.ts'
import { examples } from './example.ts'
import { instant, wholeNumber } from './input.ts'
import { print, stream, table, time } from './output.ts'
import { withTools } from './tools.ts'

interface Options {
  workspace: string
  subject?: string
  since?: Date
}

/** `audit list|export`. */
export function addAuditCommands(program: Command): void {
  const group = program.command('audit').description('who changed what, and what the server did by itself')

  group
    .command('list')
    .description('list the changes of a workspace, the latest first')
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--subject <subject>', 'only of this, for example connection:1')
    .option('--since <time>', 'only since then (ISO 8601)', instant)
    .option('--limit <count>', 'how many, at most 1000', wholeNumber, 50)
    .option('--after <place>', 'go on where a list ended')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('audit list --workspace Acme', 'audit list --workspace Acme --subject connection:1'))
    .action(async ({ json, ...filter }: Options & { limit: number; after?: string; json?: boolean }) => {
      const page = await withTools(({ caller }) => listAudit(caller, filter))
      print(json, page, () => {
        const list = table(['at', 'by', 'what', 'of', 'detail'], page.lines.map(rowOf), 'Nothing has been changed yet.')
        return page.next === undefined ? list : `${list}\n\nMore: --after ${page.next}`
      })
    })

  group
    .command('export')
    .description('print all changes of a workspace as CSV')
    .requiredOption('--workspace <workspace>', 'id or name')
    .option('--subject <subject>', 'only of this, for example connection:1')
    .option('--since <time>', 'only since then (ISO 8601)', instant)
    .addHelpText('after', examples('audit export --workspace Acme > audit.csv'))
    .action(async (filter: Options) => {
      await withTools(({ caller }) => stream(exportAudit(caller, filter)))
    })
}

const rowOf = ({ at, actor, action, subject, detail }: AuditLine) => [time(at), actor, action, subject, JSON.stringify(detail)]
