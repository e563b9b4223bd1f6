import { Alert, Button, Flex, Text } from '@hubspot/ui-extensions'
import type { ApiError } from './api.ts'
import { useVisitor } from './visitor.ts'
import { when } from './when.ts'
import { useWho } from './who.ts'
import { words } from './words.ts'

/**
 * Why a change was not made. Where somebody else was faster: who, and the two ways out of it.
 * @param theirs shows what is there now, and lets go of what was changed here
 * @param mine goes on with what was changed here, on top of what is there now
 */
export function Failed({ error, theirs, mine }: { error: ApiError | undefined; theirs?: () => void; mine?: () => void }) {
  const { timeZone } = useVisitor()
  const who = useWho()
  if (error === undefined) return null
  if (error.code !== 'outdated')
    return (
      <Alert title={words.failed.notSaved} variant="danger">
        {error.message}
      </Alert>
    )
  const { by, at } = error.changed ?? {}
  const title = by === undefined ? words.conflict.title : words.conflict.by(who(by), when(at ?? null, timeZone))
  return (
    <Alert title={title} variant="warning">
      <Text>{`${words.conflict.text}${theirs || mine ? ` ${words.conflict.ways}` : ''}`}</Text>
      <Flex gap="small">
        {theirs && (
          <Button size="small" variant="secondary" onClick={theirs}>
            {words.conflict.theirs}
          </Button>
        )}
        {mine && (
          <Button size="small" variant="secondary" onClick={mine}>
            {words.conflict.mine}
          </Button>
        )}
      </Flex>
    </Alert>
  )
}
