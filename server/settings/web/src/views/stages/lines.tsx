import { Text } from '@mantine/core'
import type { Mapping } from '../../api/resources.ts'
import { words } from '../../words.ts'
import { isReported, keyOf } from './draft.ts'

/** What of a mapping is reported, and under which name, in funnel order. */
export function Lines({ rawLead, stages }: Mapping) {
  return (
    <ol className="lines">
      {rawLead.enabled && <Line from={words.stages.rawLead} to={rawLead.eventName} />}
      {stages.filter(isReported).map((line) => (
        <Line key={keyOf(line)} from={line.label || line.stageId} to={line.eventName ?? ''} />
      ))}
    </ol>
  )
}

const Line = ({ from, to }: { from: string; to: string }) => (
  <li style={{ padding: '6px 0' }}>
    <Text component="span" size="sm">
      {from} → <strong>{to}</strong>
    </Text>
  </li>
)
