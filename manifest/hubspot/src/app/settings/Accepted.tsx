import { Alert, Text } from '@hubspot/ui-extensions'
import type { FirstRun } from './shared/answers.ts'
import { useVisitor } from './shared/visitor.ts'
import { when } from './shared/when.ts'
import { words } from './shared/words.ts'

const { start: said } = words

/** An event that Meta took, with what it answered. */
export function Accepted({ record, eventName, sentAt, meta }: NonNullable<FirstRun['firstEvent']>) {
  const { timeZone } = useVisitor()
  return (
    <Alert title={eventName ?? ''} variant="success">
      <Text>{`${said.answered(when(sentAt, timeZone))} ${said.record(record.type, record.id)}`}</Text>
      {meta?.fbtraceId !== undefined && <Text variant="microcopy">{said.trace(meta.fbtraceId)}</Text>}
    </Alert>
  )
}
