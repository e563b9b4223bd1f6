/** What there is to try while the demo stays up. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { configVariables } from '../../server/config.ts'
import type { Stack } from './stack.ts'

/** Puts the files for it into the demo's folder. Returns lines for a person, with command lines that work as they stand. */
export async function lookAround({ folder, server, meta, sources }: Stack): Promise<string[]> {
  const envFile = join(folder, 'env')
  // A variable that is empty hides one of the same name in the visitor's own .env.
  const lines = configVariables().map((name) => `export ${name}='${server.env[name] ?? ''}'\n`)
  await writeFile(envFile, lines.join(''), { mode: 0o600 })
  const previewFile = join(folder, 'records.ndjson')
  await writeFile(previewFile, sources.flatMap(({ visit }) => (visit.preview ? `${JSON.stringify(visit.preview)}\n` : [])).join(''))

  const leadstage = 'npm run -s leadstage --'
  const steps: [remark: string, command: string][] = [
    ['In another terminal, in this folder, let the command line use this server', `. ${envFile}`],
    ['The settings page, for whoever signs in with HubSpot or Salesforce and agrees', `${server.url}/page`],
    ['What became of all the changes', `${leadstage} record list`],
    ...sources.map(({ name, visit }): [string, string] => [
      `The story of one ${name} record`,
      `${leadstage} record show ${visit.record()}`,
    ]),
    ...sources.flatMap(({ visit }) => visit.changes()),
    ['The event that a record would become, without sending it', `${leadstage} preview < ${previewFile}`],
    ['What Meta received', `curl -s -d '{}' ${meta.url}/__control/summary`],
    ['Whether all is well', `${leadstage} doctor; curl -s ${server.url}/healthz`],
    ['What the server says', `tail -f ${server.logFile}`],
  ]
  const blocks = steps.flatMap(([remark, command]) => ['', `  ${remark}:`, `    ${command}`])
  return ['', 'It stays up for a look around; Ctrl-C ends it and leaves nothing behind.', ...blocks, '']
}
