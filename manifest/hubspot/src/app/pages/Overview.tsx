import {
  Alert,
  BarChart,
  Button,
  DescriptionList,
  DescriptionListItem,
  EmptyState,
  Flex,
  Heading,
  Statistics,
  StatisticsItem,
  StatusTag,
  Text,
  Tile,
} from '@hubspot/ui-extensions'
import type { Figures, Overview as OverviewAnswer, Stages, Way } from './shared/answers.ts'
import { Failed } from './shared/failed.tsx'
import { Connect } from './shared/frame.tsx'
import { funnelOf } from './shared/funnel-of.ts'
import { here } from './shared/here.ts'
import { Shown } from './shared/shown.tsx'
import { useChange } from './shared/use-change.ts'
import { useApi, useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { when } from './shared/when.ts'
import { words } from './shared/words.ts'

const DAYS = 28
const moods = { good: 'success', attention: 'warning', idle: 'info' } as const

/** How it stands in one line, what needs somebody, and how it goes. */
export function Overview({ toActivity }: { toActivity: () => void }) {
  const overview = useRead<OverviewAnswer>('/overview')
  const figures = useRead<Figures>(`/figures?by=event&days=${DAYS}`)
  const way = useRead<Way[]>('/figures/way')
  const { timeZone } = useVisitor()
  const again = () => {
    overview.again()
    way.again()
  }
  return (
    <Flex direction="column" gap="large">
      <Shown read={overview}>
        {({ status, attention, unsent, inbox, outcomes, lastSentAt }) => (
          <Flex direction="column" gap="medium">
            <Alert title={status.text} variant={moods[status.mood]} />
            {attention.map((one) => (
              <Tile key={one.id}>
                <Flex direction="column" gap="small">
                  <Heading>{one.title}</Heading>
                  <Text>{`${one.about}: ${one.text}`}</Text>
                  <Text variant="microcopy">{words.overview.since(when(one.openedAt, timeZone))}</Text>
                  <Fix notice={one} again={again} toActivity={toActivity} />
                </Flex>
              </Tile>
            ))}
            {attention.length === 0 && <Text>{words.overview.nothing}</Text>}
            <Heading>{words.overview.numbers}</Heading>
            <Statistics>
              <StatisticsItem label={words.overview.sent} number={outcomes.sent}>
                <Text>{lastSentAt === null ? words.overview.noneSent : words.overview.lastSent(when(lastSentAt, timeZone))}</Text>
              </StatisticsItem>
              <StatisticsItem label={words.overview.waiting} number={unsent.count}>
                <Text>
                  {unsent.oldestAt === null ? words.overview.noneWaiting : words.overview.oldest(when(unsent.oldestAt, timeZone))}
                </Text>
              </StatisticsItem>
              <StatisticsItem label={words.overview.inbox} number={inbox.count}>
                {inbox.quarantined > 0 && <Text>{words.overview.quarantined(inbox.quarantined)}</Text>}
              </StatisticsItem>
              <StatisticsItem
                label={words.overview.refused}
                number={outcomes.suppressed + outcomes.rejected + outcomes.expired + outcomes.unconfirmed}
              >
                <Button variant="transparent" size="small" onClick={toActivity}>
                  {words.overview.why}
                </Button>
              </StatisticsItem>
            </Statistics>
          </Flex>
        )}
      </Shown>
      <Shown read={figures}>{(data) => <Funnel figures={data} />}</Shown>
      <Shown read={way}>{(data) => <Ways ways={data} again={way.again} />}</Shown>
    </Flex>
  )
}

type Notice = OverviewAnswer['attention'][number]

/** The button that does something about a notice; what is set elsewhere is named. */
function Fix({ notice, again, toActivity }: { notice: Notice; again: () => void; toActivity: () => void }) {
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  const { action, subject } = notice
  if (action === null) return null
  const label = words.actions[action]
  const [, datasetId] = /^dataset:(\d+)$/.exec(subject) ?? []
  const path =
    action === 'retry_quarantine'
      ? '/quarantine/retry'
      : action === 'resume_dataset' && datasetId !== undefined
        ? `/datasets/${datasetId}/resume`
        : undefined
  if (action === 'activity')
    return (
      <Button variant="secondary" size="small" onClick={toActivity}>
        {label}
      </Button>
    )
  if (!admin) return null
  if (action === 'reconnect') return <Connect label={label} />
  if (path === undefined) return <Text variant="microcopy">{here.inSettings(label)}</Text>
  const done = action === 'retry_quarantine' ? words.actionDone.retry_quarantine : words.actionDone.resume_dataset
  return (
    <Flex direction="column" gap="small" align="start">
      <Failed error={change.error} />
      <Button
        variant="secondary"
        size="small"
        disabled={change.busy}
        onClick={() => change.make(() => api.change('POST', path), { done, after: again })}
      >
        {label}
      </Button>
    </Flex>
  )
}

/** Leads by the stages that were reached, and how many of them Meta heard of. */
function Funnel({ figures }: { figures: Figures }) {
  const stages = useRead<Stages>('/stages')
  const reached = funnelOf(figures, stages.data ?? { rawLead: { enabled: true, eventName: '' }, stages: [] })
  const { coverage } = figures
  return (
    <Flex direction="column" gap="small">
      <Heading>{words.overview.funnel}</Heading>
      {reached.length === 0 ? (
        <Text>{words.overview.funnelEmpty}</Text>
      ) : (
        <>
          <Text>{words.overview.funnelText}</Text>
          <BarChart
            data={reached}
            axes={{
              x: { field: 'name', fieldType: 'category', label: words.overview.event },
              y: { field: 'leads', fieldType: 'linear', label: words.overview.leads },
            }}
            options={{ showDataLabels: true, showTooltips: true }}
          />
        </>
      )}
      <DescriptionList direction="row">
        <DescriptionListItem label={words.overview.coverage}>
          <Text>{coverage.share === null ? words.overview.noCoverage : words.percent(coverage.share)}</Text>
          <Text variant="microcopy">{coverage.text}</Text>
        </DescriptionListItem>
      </DescriptionList>
    </Flex>
  )
}

const tags = { done: 'success', next: 'info', waiting: 'warning', later: 'default' } as const

/** From the first event to a campaign that has learned. */
function Ways({ ways, again }: { ways: Way[]; again: () => void }) {
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  return (
    <Flex direction="column" gap="medium">
      <Heading>{words.overview.way}</Heading>
      <Failed error={change.error} />
      {ways.length === 0 && (
        <EmptyState title={words.overview.way} imageName="target" flush>
          <Text>{words.overview.wayEmpty}</Text>
        </EmptyState>
      )}
      {ways.map(({ datasetId, metaId, day, steps }) => (
        <Tile key={datasetId}>
          <Text format={{ fontWeight: 'demibold' }}>{words.overview.wayDay(metaId, day)}</Text>
          {steps.map(({ step, title, state, known, onlyMetaShows, next, tick }) => (
            <Flex key={step} direction="column" gap="extra-small" align="start">
              <Flex gap="small" align="center">
                <StatusTag variant={tags[state]}>{words.overview.states[state]}</StatusTag>
                <Text format={{ fontWeight: 'demibold' }}>{title}</Text>
              </Flex>
              <Text>{known}</Text>
              {onlyMetaShows !== null && <Text variant="microcopy">{`${words.overview.onlyMeta} ${onlyMetaShows}`}</Text>}
              {next !== null && <Text>{next}</Text>}
              {admin && tick !== undefined && (
                <Button
                  variant="secondary"
                  size="extra-small"
                  disabled={change.busy}
                  onClick={() =>
                    change.make(() => api.change('POST', `/figures/way/${datasetId}/tick`, { step, done: tick === null }), { after: again })
                  }
                >
                  {tick === null ? words.overview.tick : words.overview.untick}
                </Button>
              )}
            </Flex>
          ))}
        </Tile>
      ))}
    </Flex>
  )
}
