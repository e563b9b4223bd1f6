import { Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, type FirstRun, type Route, resources } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { Note } from '../../parts/note.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useWhen } from '../../parts/when.ts'
import { words } from '../../words.ts'

const said = words.start

/** Sets every route of the account live. Who has something else that reports is told to look first. */
export function StartStep({ others }: { others: string | undefined }) {
  const routes = useQuery(resources.routes)
  const start = useChange(async (list: Route[]) => {
    for (const { datasetId, version, mode } of list) if (mode === 'shadow') await changes.saveRoute({ datasetId, version, mode: 'live' })
  })
  return (
    <Shown query={routes}>
      {(list) => (
        <ForAdmins>
          {others === 'yes' && <Note mood="warn">{said.othersThen}</Note>}
          <Text size="sm" mb="sm">
            {others === 'yes' ? words.connection.goLiveText : said.shadowNow}
          </Text>
          <Group gap="xs">
            <Button loading={start.isPending} onClick={() => start.mutate(list)}>
              {said.live}
            </Button>
            <Button component="a" href="#activity" variant="default">
              {words.actions.activity}
            </Button>
          </Group>
          <Failed error={start.error} theirs={start.reset} />
        </ForAdmins>
      )}
    </Shown>
  )
}

/** Waits for the first event, and shows what Meta answered. */
export function FirstEventStep({ firstEvent }: Pick<FirstRun, 'firstEvent'>) {
  const when = useWhen()
  if (firstEvent === null)
    return (
      <Text size="sm" role="status">
        {said.wait}
      </Text>
    )
  return (
    <Note mood="good" title={firstEvent.eventName ?? ''} role="status">
      {said.answered(when(firstEvent.sentAt))} {said.record(firstEvent.record.type, firstEvent.record.id)}
      {firstEvent.meta?.fbtraceId !== undefined && <div>{said.trace(firstEvent.meta.fbtraceId)}</div>}
    </Note>
  )
}
