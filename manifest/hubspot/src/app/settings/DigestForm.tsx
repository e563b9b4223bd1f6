import { Flex, Form, Select, Toggle } from '@hubspot/ui-extensions'
import type { Digest } from './shared/answers.ts'
import { KeepChanges } from './shared/keep-changes.tsx'
import { useDraft } from './shared/use-draft.ts'
import { type Read, useApi } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { words } from './shared/words.ts'

const { connection: said } = words
const weekdays = said.weekdays.map((label, day) => ({ value: day + 1, label }))
const hours = Array.from({ length: 24 }, (_, value) => ({ value, label: `${String(value).padStart(2, '0')}:00` }))

const splitOf = ({ version, ...value }: Digest) => ({ version, value })

/** Whether the weekly digest comes, and when. */
export function DigestForm({ digest, read }: { digest: Digest; read: Read<Digest> }) {
  const api = useApi()
  const { admin, timeZone } = useVisitor()
  const draft = useDraft({
    read,
    ...splitOf(digest),
    send: (version, changed) => api.change('PUT', '/digest', { version, ...changed }),
    latest: async () => splitOf(await api.read<Digest>('/digest')),
    done: words.unsaved.saved,
  })
  const { enabled, weekday, hour } = draft.value
  // The account's own zone may be one that this browser has no name for.
  const zones = new Set([draft.value.timeZone, timeZone, ...Intl.supportedValuesOf('timeZone')])
  return (
    <Form onSubmit={draft.save}>
      <Flex direction="column" gap="small">
        <Toggle label={said.digest} name="digest" readonly={!admin} checked={enabled} onChange={(enabled) => draft.put({ enabled })} />
        {enabled && (
          <Flex gap="small">
            <Select
              label={said.weekday}
              name="weekday"
              readOnly={!admin}
              value={weekday}
              options={weekdays}
              onChange={(day) => draft.put({ weekday: Number(day) })}
            />
            <Select
              label={said.hour}
              name="hour"
              readOnly={!admin}
              value={hour}
              options={hours}
              onChange={(hour) => draft.put({ hour: Number(hour) })}
            />
            <Select
              label={said.timeZone}
              description={said.timeZoneText}
              name="timeZone"
              readOnly={!admin}
              value={draft.value.timeZone}
              options={[...zones].map((zone) => ({ value: zone, label: zone }))}
              onChange={(zone) => draft.put({ timeZone: String(zone) })}
            />
          </Flex>
        )}
        {admin && <KeepChanges draft={draft} />}
      </Flex>
    </Form>
  )
}
