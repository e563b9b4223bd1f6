import { Button, Group, List, Text, Title } from '@mantine/core'
import { IconCircle, IconCircleCheck, IconCircleDot } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { type FirstRun, resources } from '../api/resources.ts'
import { Card } from '../parts/card.tsx'
import { Shown } from '../parts/shown.tsx'
import { View } from '../parts/view.tsx'
import { words } from '../words.ts'
import { BackfillSteps } from './activity/backfills.tsx'
import { ConsentStep } from './start/consent-step.tsx'
import { DatasetStep } from './start/dataset-step.tsx'
import { LeadsStep, OthersStep, RightsStep, SkipBackfill } from './start/small-steps.tsx'
import { StagesStep } from './start/stages-step.tsx'
import { FirstEventStep, StartStep } from './start/start-step.tsx'

const said = words.start
const LOOK_MS = 3_000
type Step = FirstRun['steps'][number]

/** The first run: one step after the other, each with all that it needs; what is done can be looked at again. */
export function Start() {
  const firstRun = useQuery({
    ...resources.firstRun,
    // Only the first event happens by itself.
    refetchInterval: ({ state: { data } }) => (isWaiting(data) ? LOOK_MS : false),
  })
  return (
    <View title={said.title}>
      <Shown query={firstRun} lines={8}>
        {(data) => (
          <>
            {data.finished && (data.shadow ? <Card title={said.shadowOn} text={said.shadowOnText} /> : <Finished />)}
            <ol className="lines card">
              {data.steps.map((step, index) => (
                <li key={step.step} aria-current={step.state === 'next' ? 'step' : undefined}>
                  <StepLine {...step} number={index + 1} of={data.steps.length}>
                    {contentOf(step, data)}
                  </StepLine>
                </li>
              ))}
            </ol>
          </>
        )}
      </Shown>
    </View>
  )
}

const stepOf = ({ steps }: FirstRun, name: Step['step']) => steps.find(({ step }) => step === name)
const isWaiting = (data: FirstRun | undefined) => data !== undefined && stepOf(data, 'first_event')?.state === 'next'

/** The backfill may go first: it can bring the first event. In shadow mode the start stays at hand. */
function contentOf({ step, state }: Step, run: FirstRun): ReactNode {
  const started = stepOf(run, 'start')?.state === 'done' && !run.shadow
  if (step === 'backfill' && state !== 'done' && started)
    return (
      <>
        <BackfillSteps />
        <SkipBackfill />
      </>
    )
  if (step === 'first_event' && state === 'done') return started && <FirstEventStep {...run} />
  if (state !== 'next' && !(step === 'start' && run.shadow)) return null
  const contents: Record<Step['step'], ReactNode> = {
    rights: <RightsStep {...run} />,
    dataset: <DatasetStep />,
    others: <OthersStep />,
    leads: <LeadsStep />,
    consent: <ConsentStep />,
    stages: <StagesStep />,
    start: <StartStep others={stepOf(run, 'others')?.answer?.answer} shadow={run.shadow} />,
    first_event: <FirstEventStep {...run} />,
    backfill: null,
  }
  return contents[step]
}

const signs = { done: IconCircleCheck, next: IconCircleDot, later: IconCircle }
const moods = { done: 'good', next: '', later: 'soft' }

function StepLine({ step, title, text, state, number, of, children }: Step & { number: number; of: number; children: ReactNode }) {
  const Sign = signs[state]
  return (
    <div className="mood">
      <Sign size={22} className={moods[state]} aria-label={words.overview.states[state]} />
      <div style={{ flex: 1, minWidth: 0 }}>
        <Group justify="space-between" gap="xs">
          <Title order={2} c={state === 'later' ? 'dimmed' : undefined}>
            {title}
          </Title>
          <Text size="xs" c="dimmed">
            {said.step(number, of)}
          </Text>
        </Group>
        <Text size="sm" c="dimmed" mb={children ? 'sm' : 0}>
          {/* What is missing is listed below, each with what to do. */}
          {step === 'rights' && state === 'next' ? null : text}
        </Text>
        {children}
      </div>
    </div>
  )
}

function Finished() {
  return (
    <Card title={said.done} text={said.doneText}>
      <List size="sm" mb="md">
        {said.expect.map((line) => (
          <List.Item key={line}>{line}</List.Item>
        ))}
      </List>
      <Button component="a" href="#overview">
        {said.overview}
      </Button>
    </Card>
  )
}
