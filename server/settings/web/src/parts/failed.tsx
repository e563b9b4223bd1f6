import { Button } from '@mantine/core'
import { ApiError } from '../api/client.ts'
import { words } from '../words.ts'
import { Note } from './note.tsx'
import { useWhen } from './when.ts'
import { useWho } from './who.ts'

/**
 * Why a change was not made. Where somebody else was faster: who, what they did, and the two ways out of it.
 * @param differences what they changed, each in words
 * @param theirs shows what is there now, and lets go of what was changed here
 * @param mine goes on with what was changed here, on top of what is there now
 */
export function Failed({
  error,
  differences = [],
  theirs,
  mine,
}: {
  error: Error | null
  differences?: readonly string[]
  theirs?: () => void
  mine?: () => void
}) {
  const when = useWhen()
  const who = useWho()
  if (error === null) return null
  if (!(error instanceof ApiError) || (error.code !== 'outdated' && error.changed === undefined))
    return (
      <div style={{ marginTop: 12 }}>
        <Note mood="bad" role="alert" title={words.failed.notSaved}>
          {error.message}
        </Note>
      </div>
    )
  const { code, changed, message } = error
  return (
    <div style={{ marginTop: 12 }}>
      <Note
        mood="warn"
        role="alert"
        title={changed === undefined ? words.conflict.title : words.conflict.by(who(changed.by), when(changed.at))}
        actions={
          <>
            {theirs && (
              <Button size="xs" variant="default" onClick={theirs}>
                {words.conflict.theirs}
              </Button>
            )}
            {mine && (
              <Button size="xs" variant="default" onClick={mine}>
                {words.conflict.mine}
              </Button>
            )}
          </>
        }
      >
        {changed?.text}
        {differences.length > 0 && (
          <ul style={{ margin: 0, paddingLeft: 18 }}>
            {differences.map((difference) => (
              <li key={difference}>{difference}</li>
            ))}
          </ul>
        )}
        <div>
          {code === 'outdated' ? words.conflict.text : message} {mine && words.conflict.ways}
        </div>
      </Note>
    </div>
  )
}
