/** What there is to try while the demo stays up. */
import type { Stack } from './stack.ts'

/** Lines for a person, with command lines that work as they stand. */
export function lookAround(stack: Stack): string[] {
  const { server, meta, envFile, sources } = stack
  const steps: [remark: string, command: string][] = [
    ['Let the command line in another terminal use this server', `. ${envFile}`],
    ['What became of the records', 'npm run -s leadstage -- record list'],
    ['Whether everything is as it should be', 'npm run -s leadstage -- doctor'],
    ...sources.flatMap((source) => source.tryOut()),
    ['What Meta received', `curl -d '{}' ${meta.url}/__control/summary`],
    ['Health, and what the server says', `curl ${server.url}/healthz; tail ${server.logFile}`],
  ]
  return [
    '',
    'It stays up for a look around; Ctrl-C ends it and leaves nothing behind.',
    ...steps.flatMap(([remark, command]) => ['', `  ${remark}:`, `    ${command}`]),
  ]
}
