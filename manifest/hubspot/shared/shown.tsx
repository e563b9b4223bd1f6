import { Alert, Button, ErrorState, Flex, LoadingSpinner, Text } from '@hubspot/ui-extensions'
import type { ReactNode } from 'react'
import type { Read } from './use-read.ts'
import { words } from './words.ts'

/** What was read, or that it is on its way, or why it is not there and what to do. */
export function Shown<T>({ read, children }: { read: Read<T>; children: (data: T) => ReactNode }) {
  const { data, error, busy, again } = read
  const retry = (
    <Button variant="secondary" size="small" onClick={again} disabled={busy}>
      {words.failed.again}
    </Button>
  )
  if (data !== undefined)
    return (
      <Flex direction="column" gap="medium">
        {error && (
          <Alert title={words.failed.old} variant="warning">
            <Text>{error.message}</Text>
            {retry}
          </Alert>
        )}
        {children(data)}
      </Flex>
    )
  if (error === undefined) return <LoadingSpinner label={words.loading} showLabel layout="centered" />
  return (
    <ErrorState title={words.failed.title}>
      <Text>{error.message}</Text>
      {retry}
    </ErrorState>
  )
}
