/** The command line, for people who host Leadstage: `npm run -s leadstage -- <command>`. */
import { Command, CommanderError } from 'commander'
import { CodedError } from '../../connectors/errors.ts'
import { addConnectionCommands } from './connection.ts'
import { addDatasetCommands } from './dataset.ts'
import { addDoctorCommand } from './doctor.ts'
import { examples } from './example.ts'
import { addMappingCommands } from './mapping.ts'
import { oneLine } from './output.ts'
import { addPreviewCommand } from './preview.ts'
import { addRecordCommands } from './record.ts'
import { addRouteCommands } from './route.ts'
import { addWorkspaceCommands } from './workspace.ts'

const FAILED = 1
const BAD_USAGE = 2

function createProgram(): Command {
  const program = new Command('leadstage')
    .description('Reports lead stages from a CRM to Meta as conversion events.')
    .exitOverride()
    // Errors are told once, by `tell`.
    .configureOutput({ writeErr: () => undefined })
    .addHelpText('after', examples('workspace add "Acme"', 'connection add hubspot --workspace Acme', 'doctor'))
  addWorkspaceCommands(program)
  addConnectionCommands(program)
  addDatasetCommands(program)
  addRouteCommands(program)
  addMappingCommands(program)
  addRecordCommands(program)
  addPreviewCommand(program)
  addDoctorCommand(program)
  return program
}

/** One line for whatever went wrong, and the exit code. */
function tell(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    say(
      error.code === 'commander.help' ? 'Which command? Ask with --help.' : `${error.message.replace(/^error: /, '')} (--help tells more)`,
    )
    return BAD_USAGE
  }
  if (error instanceof CodedError) {
    const [first = '', ...others] = error.userText.split(/\n\s*/)
    say([first, others.join('; ')].filter(Boolean).join(' '))
    return FAILED
  }
  say(`Something unexpected happened: ${error instanceof Error ? error.message : String(error)}`)
  if (process.env.LOG_LEVEL === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return FAILED
}

function say(text: string): void {
  process.stderr.write(`leadstage: ${oneLine(text)}\n`)
}

// Whoever reads our output may stop reading.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

try {
  await createProgram().parseAsync()
} catch (error) {
  process.exitCode = tell(error)
}
