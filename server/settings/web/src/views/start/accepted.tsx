import type { FirstRun } from '../../api/resources.ts'
import { Note } from '../../parts/note.tsx'
import { useWhen } from '../../parts/when.ts'
import { words } from '../../words.ts'

const said = words.start

/** An event that Meta took, with what it answered. */
export function Accepted({ record, eventName, sentAt, meta }: NonNullable<FirstRun['firstEvent']>) {
  const when = useWhen()
  return (
    <Note mood="good" title={eventName ?? ''} role="status">
      {said.answered(when(sentAt))} {said.record(record.type, record.id)}
      {meta?.fbtraceId !== undefined && <div>{said.trace(meta.fbtraceId)}</div>}
    </Note>
  )
}
