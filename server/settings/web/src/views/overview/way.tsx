import { Badge, Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, resources, type Way as WayOfDataset } from '../../api/resources.ts'
import { Card } from '../../parts/card.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useWhen } from '../../parts/when.ts'
import { useWho } from '../../parts/who.ts'
import { words } from '../../words.ts'

const said = words.overview
/** What is counted is counted anew so often. */
const LOOK_MS = 60_000
type Step = WayOfDataset['steps'][number]

/** From the first event to a campaign that has learned. */
export function Way() {
  const way = useQuery({ ...resources.way, refetchInterval: LOOK_MS })
  return (
    <Card title={said.way}>
      <Shown query={way}>
        {(datasets) =>
          datasets.length === 0 ? (
            <Text size="sm" c="dimmed">
              {said.wayEmpty}
            </Text>
          ) : (
            datasets.map((one) => (
              <div key={one.datasetId}>
                <Text size="sm" c="dimmed">
                  {said.wayDay(one.metaId, one.day)}
                </Text>
                <ol className="lines">
                  {one.steps.map((step) => (
                    <li key={step.step}>
                      <StepLine {...step} datasetId={one.datasetId} />
                    </li>
                  ))}
                </ol>
              </div>
            ))
          )
        }
      </Shown>
    </Card>
  )
}

const variants = { done: 'good', next: 'warn', waiting: 'soft', later: 'soft' }

function StepLine({ step, title, state, known, onlyMetaShows, next, tick, datasetId }: Step & { datasetId: number }) {
  const when = useWhen()
  const who = useWho()
  const made = useChange(changes.tick)
  const isOpen = state === 'next' || state === 'waiting'
  return (
    <>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text fw={state === 'later' ? 400 : 600} c={state === 'later' ? 'dimmed' : undefined}>
          {title}
        </Text>
        <Badge variant="outline" color="gray" tt="none" classNames={{ label: variants[state] }} style={{ flex: 'none' }}>
          {said.states[state]}
        </Badge>
      </Group>
      {isOpen && (
        <Text size="sm" mt={4}>
          {known} {next}
        </Text>
      )}
      {isOpen && onlyMetaShows !== null && (
        <Text size="sm" c="dimmed" mt={4}>
          {said.onlyMeta} {onlyMetaShows}
        </Text>
      )}
      {tick && (
        <Text size="xs" c="dimmed">
          {said.ticked(who(tick.by), when(tick.at))}
        </Text>
      )}
      {tick !== undefined && (tick !== null || isOpen) && (
        <ForAdmins>
          <Button
            size="compact-xs"
            variant="default"
            mt={6}
            loading={made.isPending}
            aria-label={`${tick === null ? said.tick : said.untick}: ${title}`}
            onClick={() => made.mutate({ datasetId, step, done: tick === null })}
          >
            {tick === null ? said.tick : said.untick}
          </Button>
        </ForAdmins>
      )}
      {made.error && (
        <Text size="sm" role="alert" className="bad">
          {made.error.message}
        </Text>
      )}
    </>
  )
}
