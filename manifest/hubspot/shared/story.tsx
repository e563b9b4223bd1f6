import {
  Alert,
  Button,
  DescriptionList,
  DescriptionListItem,
  EmptyState,
  Flex,
  Link,
  Table,
  TableBody,
  TableCell,
  TableHead,
  TableHeader,
  TableRow,
  Text,
} from '@hubspot/ui-extensions'
import type { Story } from './answers.ts'
import { Failed } from './failed.tsx'
import { here } from './here.ts'
import { OutcomeTag } from './outcome-tag.tsx'
import { Shown } from './shown.tsx'
import { useChange } from './use-change.ts'
import { type Read, useApi, useRead } from './use-read.ts'
import { useVisitor } from './visitor.ts'
import { when } from './when.ts'
import { words } from './words.ts'

const keyName = (key: string): string => words.activity.keys[key] ?? key

/** What of a record was reported to Meta, and why the rest was not. */
export function RecordStory({ type, id }: { type: string; id: string }) {
  const story = useRead<Story>(`/record?${new URLSearchParams({ type, id })}`)
  if (story.data === undefined && story.error?.code === 'record_unknown')
    return (
      <EmptyState title={here.story.none} imageName="contacts" layout="vertical">
        <Text>{here.story.noneText}</Text>
      </EmptyState>
    )
  return <Shown read={story}>{(data) => <Told story={data} read={story} />}</Shown>
}

function Told({ story, read }: { story: Story; read: Read<Story> }) {
  const { record, lead, entries, notes } = story
  const { admin, timeZone } = useVisitor()
  const api = useApi()
  const change = useChange()
  const stuck = entries.some(({ outcome }) => outcome !== 'sent' && outcome !== 'pending')
  return (
    <Flex direction="column" gap="medium">
      {record.state !== 'live' && <Alert title={here.story[record.state]} variant="info" />}
      {lead === null ? (
        <Alert title={here.story.noLead} variant="info">
          {entries[0]?.text ?? here.story.entriesNone}
        </Alert>
      ) : (
        <DescriptionList direction="row">
          <DescriptionListItem label={here.story.leadId}>
            <Text>{lead.metaLeadId ?? here.story.noLeadId}</Text>
          </DescriptionListItem>
          <DescriptionListItem label={here.story.generated}>
            <Text>{when(lead.generatedAt, timeZone)}</Text>
          </DescriptionListItem>
          <DescriptionListItem label={here.story.identified}>
            <Text>{lead.identified.text}</Text>
          </DescriptionListItem>
        </DescriptionList>
      )}
      {lead?.isTest && <Alert title={here.story.test} variant="info" />}
      {entries.length === 0 ? (
        <Text>{here.story.entriesNone}</Text>
      ) : (
        <Table bordered density="condensed">
          <TableHead>
            <TableRow>
              <TableHeader>{here.story.when}</TableHeader>
              <TableHeader>{here.story.stage}</TableHeader>
              <TableHeader>{here.story.outcome}</TableHeader>
            </TableRow>
          </TableHead>
          <TableBody>
            {entries.map((entry) => (
              <TableRow key={`${entry.eventId}/${entry.datasetId}`}>
                <TableCell>{when(entry.occurredAt, timeZone)}</TableCell>
                <TableCell>
                  <Text format={{ fontWeight: 'demibold' }}>
                    {entry.stage === null ? here.story.newLead : (entry.stage.label ?? entry.stage.stageId)}
                  </Text>
                  {entry.eventName !== null && <Text variant="microcopy">{entry.eventName}</Text>}
                </TableCell>
                <TableCell>
                  <OutcomeTag outcome={entry.outcome} />
                  {entry.text !== null && <Text>{entry.text}</Text>}
                  {entry.meta?.message !== undefined && <Text variant="microcopy">{`${here.story.meta}: ${entry.meta.message}`}</Text>}
                  {entry.outcome === 'sent' && entry.keys.length > 0 && (
                    <Text variant="microcopy">{here.story.used(entry.keys.map(keyName))}</Text>
                  )}
                </TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      )}
      {notes.map((note) => (
        <Text key={`${note.field}/${note.code}`} variant="microcopy">
          {note.text}
        </Text>
      ))}
      <Failed error={change.error} />
      <Flex gap="small">
        {admin && stuck && (
          <Button
            variant="secondary"
            size="small"
            disabled={change.busy}
            onClick={() =>
              change.make(() => api.change('POST', '/record/retry', { record: { type: record.type, id: record.id } }), {
                done: here.story.retried,
                after: read.again,
              })
            }
          >
            {here.story.retry}
          </Button>
        )}
        {record.url !== undefined && <Link href={{ url: record.url, external: true }}>{here.story.open}</Link>}
      </Flex>
    </Flex>
  )
}
