import { Button, Drawer, Group, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, resources, type Story } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { OutcomeBadge } from '../../parts/outcome-badge.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useWhen } from '../../parts/when.ts'
import { words } from '../../words.ts'

const said = words.activity
const LOOK_MS = 3_000
const underWay = ['pending', 'waiting']
type Ref = { type: string; id: string }

/** All that is known of one record, beside the list that it was opened from. */
export function RecordStory({
  record,
  onClose,
  onRecord,
}: {
  record: Ref | undefined
  onClose: () => void
  onRecord: (record: Ref) => void
}) {
  return (
    <Drawer
      opened={record !== undefined}
      onClose={onClose}
      position="right"
      size="lg"
      title={said.story}
      closeButtonProps={{ 'aria-label': words.close }}
    >
      {record && <Told key={record.id} record={record} onRecord={onRecord} />}
    </Drawer>
  )
}

function Told({ record, onRecord }: { record: Ref; onRecord: (record: Ref) => void }) {
  const story = useQuery({
    ...resources.story(record),
    // What was tried again shows what came of it.
    refetchInterval: ({ state: { data } }) => (data?.entries.some(({ outcome }) => underWay.includes(outcome)) ? LOOK_MS : false),
  })
  return <Shown query={story}>{(data) => <Content {...data} onRecord={onRecord} />}</Shown>
}

const notGone = ['waiting', 'suppressed', 'rejected', 'expired', 'unconfirmed']

function Content({ record, lead, entries, notes, related, onRecord }: Story & { onRecord: (record: Ref) => void }) {
  const when = useWhen()
  const retry = useChange(changes.retryRecord, { done: ({ retried }) => said.retried(retried) })
  return (
    <div className="stack">
      <div>
        <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
          {record.type} {record.id}
        </Text>
        {record.url !== undefined && (
          <a href={record.url} target="_blank" rel="noreferrer">
            {said.openCrm}
          </a>
        )}
      </div>
      <div>
        <Title order={3}>{said.lead}</Title>
        {lead === null ? (
          <Text size="sm">{said.leadNone}</Text>
        ) : (
          <Text size="sm">
            {[lead.metaLeadId, lead.generatedAt && said.generated(when(lead.generatedAt))].filter(Boolean).join(', ')}
            <br />
            {lead.identified.text}
          </Text>
        )}
      </div>
      <ol className="lines">
        {entries.map(({ eventId, stage, eventName, outcome, text, occurredAt, settledAt, keys, meta, notes: dropped }) => (
          <li key={eventId}>
            <Group justify="space-between" gap="xs">
              <Text fw={600}>
                {stage === null ? said.newLead : (stage.label ?? stage.stageId)}
                {eventName !== null && ` → ${eventName}`}
              </Text>
              <OutcomeBadge outcome={outcome} />
            </Group>
            <Text size="xs" c="dimmed">
              {said.reachedAt(when(occurredAt))}
              {settledAt !== null && `, ${said.settledAt(when(settledAt))}`}
            </Text>
            {text !== null && <Text size="sm">{text}</Text>}
            {keys.length > 0 && (
              <Text size="xs" c="dimmed">
                {said.usedKeys(keys.map((key) => said.keys[key] ?? key).join(', '))}
              </Text>
            )}
            <Dropped notes={dropped} />
            {meta !== undefined && (
              <details>
                <summary>{said.answer}</summary>
                <pre className="payload">{JSON.stringify(meta, null, 2)}</pre>
              </details>
            )}
          </li>
        ))}
      </ol>
      <Dropped notes={notes} title={said.fields} />
      {entries.some(({ outcome }) => notGone.includes(outcome)) && (
        <ForAdmins>
          <Button variant="default" loading={retry.isPending} onClick={() => retry.mutate({ type: record.type, id: record.id })}>
            {said.retry}
          </Button>
          <Failed error={retry.error} />
        </ForAdmins>
      )}
      {related.length > 0 && (
        <div>
          <Title order={3}>{said.related}</Title>
          {related.map((one) => (
            <Button key={one.id} size="compact-sm" variant="subtle" onClick={() => onRecord(one)}>
              {one.type} {one.id}
            </Button>
          ))}
        </div>
      )}
    </div>
  )
}

/** Fields that were left out, and why. */
function Dropped({ notes, title }: { notes: Story['notes']; title?: string }) {
  if (notes.length === 0) return null
  return (
    <div>
      {title !== undefined && <Title order={3}>{title}</Title>}
      {notes.map(({ field, code, text }) => (
        <Text key={`${field} ${code}`} size="sm" c="dimmed">
          {field}: {text}
        </Text>
      ))}
    </div>
  )
}
