import type { Finding } from '../../api/resources.ts'
import { Note } from '../../parts/note.tsx'
import { words } from '../../words.ts'

/** What is missing in the CRM account; only that is listed. */
export function Findings({ findings }: { findings: readonly Finding[] }) {
  if (findings.length === 0) return <Note mood="good">{words.connection.checked}</Note>
  return (
    <>
      {findings.map(({ code, fatal, text }) => (
        <Note key={`${code} ${text}`} mood={fatal ? 'bad' : 'warn'}>
          {text}
        </Note>
      ))}
    </>
  )
}
