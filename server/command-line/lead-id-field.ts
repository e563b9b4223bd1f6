import type { Command } from 'commander'
import { exportLeadIds } from '../settings/export-lead-ids.ts'
import { examples } from './example.ts'
import { wholeNumber } from './input.ts'
import { stream } from './output.ts'
import { withTools } from './tools.ts'

/** `lead-id-field export`. */
export function addLeadIdFieldCommands(program: Command): void {
  const group = program.command('lead-id-field').description('the field of the CRM that holds the Meta lead id')

  group
    .command('export')
    .description('print what the field holds as CSV, read from the CRM page by page: before our app is taken out of it, for one')
    .argument('<connection>', 'its number', wholeNumber)
    .addHelpText('after', examples('lead-id-field export 1 > lead-ids.csv'))
    .action(async (id: number) => {
      let total = 0
      const told = (records: number) => {
        total = records
        if (process.stderr.isTTY) process.stderr.write(`\r${records} records`)
      }
      await withTools(({ caller, connections }) => stream(exportLeadIds(caller, id, connections, told)))
      process.stderr.write(`${process.stderr.isTTY ? '\r' : ''}${total} records hold a Meta lead id.\n`)
    })
}
