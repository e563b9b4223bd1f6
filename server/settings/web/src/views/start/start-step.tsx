import { Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, type FirstRun, type Route, resources } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { Note } from '../../parts/note.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { words } from '../../words.ts'
import { Accepted } from './accepted.tsx'
import { SendOne } from './send-one.tsx'

const said = words.start

/** Sets every route of the account live, or leaves that for later. Who has something else that reports is told to look first. */
export function StartStep({ others, shadow }: { others: string | undefined; shadow: boolean }) {
  const routes = useQuery(resources.routes)
  const start = useChange(async (list: Route[]) => {
    for (const { datasetId, version, mode } of list) if (mode === 'shadow') await changes.saveRoute({ datasetId, version, mode: 'live' })
  })
  const stay = useChange(changes.answerFirstRun, { done: said.shadowOn })
  const warned = others === 'yes'
  return (
    <Shown query={routes}>
      {(list) => (
        <ForAdmins>
          {warned && !shadow && <Note mood="warn">{said.othersThen}</Note>}
          <Text size="sm" mb="md">
            {warned ? said.startThen : said.shadowNow}
          </Text>
          <SendOne />
          <Group gap="xs" mt="lg">
            <Button {...(warned && { variant: 'default' })} loading={start.isPending} onClick={() => start.mutate(list)}>
              {said.live}
            </Button>
            {!shadow && (
              <Button
                {...(!warned && { variant: 'default' })}
                loading={stay.isPending}
                onClick={() => stay.mutate({ step: 'start', answer: 'shadow' })}
              >
                {said.shadow}
              </Button>
            )}
            <Button component="a" href="#activity" variant="subtle">
              {words.actions.activity}
            </Button>
          </Group>
          <Failed error={start.error ?? stay.error} theirs={start.reset} />
        </ForAdmins>
      )}
    </Shown>
  )
}

/** Waits for the first event, and shows what Meta answered. */
export function FirstEventStep({ firstEvent }: Pick<FirstRun, 'firstEvent'>) {
  if (firstEvent !== null) return <Accepted {...firstEvent} />
  return (
    <Text size="sm" role="status">
      {said.wait}
    </Text>
  )
}
