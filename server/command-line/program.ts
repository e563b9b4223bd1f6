import { Command } from 'commander'
import { addAuditCommands } from './audit.ts'
import { addBackfillCommands } from './backfill.ts'
import { addConnectionCommands } from './connection.ts'
import { addDatabaseCommands } from './database.ts'
import { addDatasetCommands } from './dataset.ts'
import { addDoctorCommand } from './doctor.ts'
import { examples } from './example.ts'
import { addFiguresCommands } from './figures.ts'
import { addInviteCommand } from './invite.ts'
import { addKeysCommands } from './keys.ts'
import { addLeadCommands } from './lead.ts'
import { addLeadIdFieldCommands } from './lead-id-field.ts'
import { addMappingCommands } from './mapping.ts'
import { addNoticeCommands } from './notice.ts'
import { addPreviewCommand } from './preview.ts'
import { addRecordCommands } from './record.ts'
import { addRouteCommands } from './route.ts'
import { addWorkspaceCommands } from './workspace.ts'

/** All commands. What goes wrong is thrown (`CommanderError`, `CodedError`) and not printed. */
export function createProgram(): Command {
  const program = new Command('leadstage')
    .description('Reports lead stages from a CRM to Meta as conversion events.')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .addHelpText('after', examples('workspace add "Acme"', 'connection add hubspot --workspace Acme', 'doctor'))
  addWorkspaceCommands(program)
  addConnectionCommands(program)
  addDatasetCommands(program)
  addInviteCommand(program)
  addRouteCommands(program)
  addMappingCommands(program)
  addRecordCommands(program)
  addBackfillCommands(program)
  addFiguresCommands(program)
  addNoticeCommands(program)
  addPreviewCommand(program)
  addLeadCommands(program)
  addLeadIdFieldCommands(program)
  addAuditCommands(program)
  addKeysCommands(program)
  addDatabaseCommands(program)
  addDoctorCommand(program)
  return program
}
