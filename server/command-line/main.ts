/** The command line, for people who host Leadstage: `npm run -s leadstage -- <command>`. */
import { CommanderError } from 'commander'
import { CodedError } from '../../connectors/errors.ts'
import { oneLine } from './output.ts'
import { createProgram } from './program.ts'

const FAILED = 1
const BAD_USAGE = 2

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
