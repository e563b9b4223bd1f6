import { Button, Group, Skeleton, Text } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { read } from '../api/client.ts'
import { type Outcome, type RecordPage, resources } from '../api/resources.ts'
import { Card } from '../parts/card.tsx'
import { Note } from '../parts/note.tsx'
import { OutcomeBadge } from '../parts/outcome-badge.tsx'
import { ShowMore } from '../parts/show-more.tsx'
import { Shown } from '../parts/shown.tsx'
import { View } from '../parts/view.tsx'
import { useWhen } from '../parts/when.ts'
import { words } from '../words.ts'
import { Backfills } from './activity/backfills.tsx'
import { JudgeAgain } from './activity/judge-again.tsx'
import { MissingLeads, useMissing } from './activity/missing-leads.tsx'
import { RecordStory } from './activity/record-story.tsx'

const said = words.activity
const LIST_MS = 5_000
const MOST_FRESH_PAGES = 4
interface Filter {
  outcome: Outcome
  reason: string | null
  text: string | null
}

export function Activity() {
  const [filter, setFilter] = useState<Filter>()
  const [record, setRecord] = useState<{ type: string; id: string }>()
  const missing = useMissing()
  const isMissed = (missing.data?.lost?.count ?? 0) > 0
  return (
    <View title={said.title} text={said.text}>
      {isMissed && <MissingLeads list={missing} />}
      <Reasons filter={filter} onFilter={setFilter} />
      <Records filter={filter} onRecord={setRecord} />
      <div className="columns">
        <JudgeAgain />
        <Backfills />
      </div>
      {!isMissed && <MissingLeads list={missing} />}
      <RecordStory record={record} onClose={() => setRecord(undefined)} onRecord={setRecord} />
    </View>
  )
}

function Reasons({ filter, onFilter }: { filter: Filter | undefined; onFilter: (filter: Filter | undefined) => void }) {
  const counts = useQuery({ ...resources.counts, refetchInterval: 15_000 })
  return (
    <Card
      title={said.byReason}
      aside={
        filter && (
          <Button size="xs" variant="default" onClick={() => onFilter(undefined)}>
            {said.all}
          </Button>
        )
      }
    >
      <Shown query={counts}>
        {(lines) =>
          lines.length === 0 ? (
            <Text size="sm">{said.empty}</Text>
          ) : (
            <ul className="lines">
              {lines.map(({ outcome, reason, text, count }) => (
                <li key={`${outcome} ${reason}`} style={{ padding: 0 }}>
                  <button
                    type="button"
                    className="row"
                    aria-pressed={filter?.outcome === outcome && filter.reason === reason}
                    onClick={() => onFilter({ outcome, reason, text })}
                  >
                    <Group gap="sm" wrap="nowrap" align="flex-start">
                      <Text component="span" fw={600} w={56} ta="right" style={{ flex: 'none', fontVariantNumeric: 'tabular-nums' }}>
                        {count.toLocaleString('en-GB')}
                      </Text>
                      <div>
                        <OutcomeBadge outcome={outcome} />
                        {text !== null && (
                          <Text size="sm" className="row-title">
                            {text}
                          </Text>
                        )}
                      </div>
                    </Group>
                  </button>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </Card>
  )
}

function Records({ filter, onRecord }: { filter: Filter | undefined; onRecord: (record: { type: string; id: string }) => void }) {
  const when = useWhen()
  const wanted = { outcome: filter?.outcome, reason: filter?.reason ?? undefined }
  const list = useInfiniteQuery({
    queryKey: ['/records', wanted],
    queryFn: ({ pageParam }) => read<RecordPage>(resources.records({ ...wanted, after: pageParam }).queryKey[0]),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next,
    // What happens now shows at the top; whoever reads on far below is not read everything anew.
    refetchInterval: ({ state: { data } }) => ((data?.pages.length ?? 1) > MOST_FRESH_PAGES ? false : LIST_MS),
  })
  const records = list.data?.pages.flatMap((page) => page.records) ?? []
  return (
    <Card title={said.records} {...(filter?.text && { text: said.recordsOf(filter.text) })}>
      {list.isPending && <Skeleton height={120} aria-label={words.loading} />}
      {list.isError && !list.isFetchNextPageError && (
        <Note
          mood="bad"
          role="alert"
          title={words.failed.title}
          actions={
            <Button size="xs" variant="default" onClick={() => list.refetch()}>
              {words.failed.again}
            </Button>
          }
        >
          {list.error.message}
        </Note>
      )}
      {list.isSuccess && records.length === 0 && <Text size="sm">{filter ? said.emptyFilter : said.empty}</Text>}
      <ul className="lines">
        {records.map(({ record, eventId, stage, eventName, outcome, occurredAt }) => (
          <li key={eventId} style={{ padding: 0 }}>
            <button type="button" className="row" onClick={() => onRecord(record)}>
              <Group justify="space-between" gap="xs">
                <div style={{ minWidth: 0 }}>
                  <Text component="span" fw={600} className="row-title">
                    {stage === null ? said.newLead : (stage.label ?? stage.stageId)}
                  </Text>
                  {eventName !== null && (
                    <Text component="span" size="sm" c="dimmed">
                      {' '}
                      → {eventName}
                    </Text>
                  )}
                  <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                    {record.type} {record.id} · {when(occurredAt)}
                  </Text>
                </div>
                <OutcomeBadge outcome={outcome} />
              </Group>
            </button>
          </li>
        ))}
      </ul>
      <ShowMore list={list} />
    </Card>
  )
}
