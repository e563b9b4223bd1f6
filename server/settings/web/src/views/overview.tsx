import { Button, Group, Skeleton, Text, Title } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconPlayerPause } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, Suspense } from 'react'
import { type FirstRun, type Overview as OverviewData, resources } from '../api/resources.ts'
import { Card } from '../parts/card.tsx'
import { FixButton } from '../parts/fix-button.tsx'
import { later } from '../parts/later.tsx'
import { Shown } from '../parts/shown.tsx'
import { useWhen } from '../parts/when.ts'
import { words } from '../words.ts'
import { Way } from './overview/way.tsx'

// Charts weigh more than all the rest.
const Funnel = later(async () => (await import('./overview/funnel.tsx')).Funnel)

const moods = {
  good: { Icon: IconCircleCheck, mood: 'good' },
  attention: { Icon: IconAlertTriangle, mood: 'warn' },
  idle: { Icon: IconPlayerPause, mood: 'soft' },
}
const said = words.overview
const LOOK_MS = 15_000
/** So often they are made anew. */
const FIGURES_MS = 60_000

export function Overview() {
  const overview = useQuery({ ...resources.overview, refetchInterval: LOOK_MS })
  const firstRun = useQuery({ ...resources.firstRun, staleTime: 60_000 })
  return (
    <div className="stack">
      <Shown query={overview} lines={2}>
        {(data) => (
          <>
            <StatusLine {...data} mayStart={firstRun.data?.finished === true && firstRun.data.shadow} />
            {firstRun.data?.finished === false && <SetUp {...firstRun.data} />}
            <Attention {...data} />
            <Numbers {...data} />
          </>
        )}
      </Shown>
      <div className="columns">
        <Card title={said.funnel} text={said.funnelText}>
          <Suspense fallback={<Skeleton height={220} />}>
            <Funnel />
          </Suspense>
        </Card>
        <Way />
      </div>
    </div>
  )
}

/** `mayStart`: nothing is wrong; it only waits for somebody to start it. */
function StatusLine({ status, mayStart }: OverviewData & { mayStart: boolean }) {
  const { Icon, mood } = moods[status.mood]
  return (
    <div className="card mood">
      <Icon size={26} className={mood} aria-hidden />
      <div>
        <Title order={1} style={{ overflowWrap: 'anywhere' }}>
          {status.text}
        </Title>
        {mayStart && (
          <Button component="a" href="#start" mt="sm">
            {words.start.toStart}
          </Button>
        )}
      </div>
    </div>
  )
}

function SetUp({ steps }: FirstRun) {
  const done = steps.filter(({ state }) => state === 'done').length
  return (
    <Card
      title={said.setUp}
      text={said.setUpText(done, steps.length, steps.find(({ state }) => state === 'next')?.title ?? '')}
      aside={
        <Button component="a" href="#start">
          {said.goOn}
        </Button>
      }
    />
  )
}

function Attention({ attention, status }: OverviewData) {
  const when = useWhen()
  if (attention.length === 0) return null
  return (
    <Card title={said.attention}>
      <ul className="lines">
        {attention.map(({ id, title, text, about, openedAt, action, subject }) => (
          <li key={id}>
            <div className="mood">
              <IconAlertTriangle size={20} className="warn" aria-hidden />
              <div style={{ flex: 1, minWidth: 0 }}>
                <Text fw={600}>{title}</Text>
                {/* The first line of the page may have said it already. */}
                {text !== status.text && (
                  <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                    {text}
                  </Text>
                )}
                <Group gap="sm" mt="xs">
                  {action !== null && <FixButton action={action} subject={subject} />}
                  <Text size="xs" c="dimmed">
                    {about} · {said.since(when(openedAt))}
                  </Text>
                </Group>
              </div>
            </div>
          </li>
        ))}
      </ul>
    </Card>
  )
}

function Numbers({ outcomes, unsent, inbox, lastSentAt }: OverviewData) {
  const when = useWhen()
  const figures = useQuery({ ...resources.figures('event'), refetchInterval: FIGURES_MS })
  const coverage = figures.data?.coverage
  const notSent = outcomes.suppressed + outcomes.rejected + outcomes.expired
  return (
    <Card title={said.numbers}>
      <div className="numbers">
        <Figure label={said.sent} value={outcomes.sent}>
          {lastSentAt === null ? said.noneSent : said.lastSent(when(lastSentAt))}
        </Figure>
        <Figure label={said.waiting} value={unsent.count}>
          {unsent.oldestAt === null ? said.noneWaiting : said.oldest(when(unsent.oldestAt))}
        </Figure>
        {inbox.count + inbox.quarantined > 0 && (
          <Figure label={said.inbox} value={inbox.count}>
            {inbox.quarantined > 0 ? said.quarantined(inbox.quarantined) : inbox.oldestAt !== null && said.oldest(when(inbox.oldestAt))}
          </Figure>
        )}
        <Figure label={said.refused} value={notSent}>
          {notSent > 0 && <a href="#activity">{said.why}</a>}
        </Figure>
        <Figure label={said.coverage} value={coverage?.share == null ? '–' : words.percent(coverage.share)}>
          {coverage?.share == null ? said.noCoverage : coverage.text}
        </Figure>
      </div>
    </Card>
  )
}

function Figure({ label, value, children }: { label: string; value: number | string; children?: ReactNode }) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <div className="number">{typeof value === 'number' ? value.toLocaleString('en-GB') : value}</div>
      <Text component="div" size="xs" c="dimmed">
        {children}
      </Text>
    </div>
  )
}
