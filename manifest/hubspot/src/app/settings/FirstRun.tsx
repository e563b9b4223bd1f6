import { Alert, Button, Flex, Heading, List, StatusTag, Text, Tile } from '@hubspot/ui-extensions'
import { useState } from 'react'
import { Accepted } from './Accepted.tsx'
import { ConnectDataset } from './ConnectDataset.tsx'
import { labelOf } from './label-of.ts'
import { SendOne } from './SendOne.tsx'
import type { View } from './SettingsPage.tsx'
import type { FirstRun as FirstRunAnswer, Mapping, Preview, Route, Stages, TriedRules } from './shared/answers.ts'
import { Backfills } from './shared/backfills.tsx'
import { isReported, mappingOf } from './shared/draft.ts'
import { Failed } from './shared/failed.tsx'
import { Connect } from './shared/frame.tsx'
import { here } from './shared/here.ts'
import { Shown } from './shared/shown.tsx'
import { useChange } from './shared/use-change.ts'
import { useApi, useRead, useTry } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { words } from './shared/words.ts'

type Step = FirstRunAnswer['steps'][number]
const tags = { done: 'success', next: 'info', later: 'default' } as const

/** What is left to do before an account reports to Meta, one step after the other. */
export function FirstRun({ open }: { open: (view: View) => void }) {
  const run = useRead<FirstRunAnswer>('/first-run')
  const { admin } = useVisitor()
  return (
    <Shown read={run}>
      {({ finished, shadow, steps, firstEvent }) => (
        <Flex direction="column" gap="medium">
          {finished ? (
            <Alert title={shadow ? words.start.shadowOn : here.start.finished} variant={shadow ? 'info' : 'success'}>
              {shadow ? words.start.shadowOnText : here.start.finishedText}
            </Alert>
          ) : (
            <Text>{here.start.progress(steps.filter(({ state }) => state === 'done').length, steps.length)}</Text>
          )}
          {steps.map((step) => (
            <Tile key={step.step} compact>
              <Flex direction="column" gap="small" align="start">
                <Flex gap="small" align="center">
                  <StatusTag variant={tags[step.state]}>{words.overview.states[step.state]}</StatusTag>
                  <Heading>{step.title}</Heading>
                </Flex>
                <Text>{step.text}</Text>
                {step.step === 'first_event' && firstEvent !== null && <Accepted {...firstEvent} />}
                {admin && (step.state === 'next' || (step.step === 'start' && shadow)) && (
                  <Do step={step} open={open} again={run.again} shadow={shadow} />
                )}
              </Flex>
            </Tile>
          ))}
          <Text variant="microcopy">{here.start.metaLater}</Text>
        </Flex>
      )}
    </Shown>
  )
}

interface Doing {
  step: Step
  open: (view: View) => void
  again: () => void
  /** Nothing is sent, and an admin wants it so for now. */
  shadow: boolean
}

/** What is to be done in a step, with one press where that is enough. */
function Do({ step, open, again, shadow }: Doing) {
  switch (step.step) {
    case 'rights':
      return (
        <Flex gap="small">
          <Button variant="secondary" onClick={again}>
            {here.start.checkAgain}
          </Button>
          <Connect label={here.connection.reconnect} />
        </Flex>
      )
    case 'dataset':
      return <ConnectDataset connected={again} />
    case 'start':
      return <Start again={again} shadow={shadow} />
    case 'first_event':
      return (
        <Button variant="secondary" onClick={again}>
          {here.start.checkAgain}
        </Button>
      )
    case 'leads':
      return (
        <>
          <Counting />
          <Answers step={step} again={again} />
          <Open view="leads" open={open} />
        </>
      )
    case 'consent':
      return (
        <>
          <Answers step={step} again={again} />
          <Open view="leads" open={open} />
        </>
      )
    case 'stages':
      return (
        <>
          <ConfirmStages step={step} again={again} />
          <Open view="stages" open={open} />
        </>
      )
    case 'backfill':
      return (
        <>
          <Backfills changed={again} />
          <Answers step={step} again={again} />
        </>
      )
    default:
      return <Answers step={step} again={again} />
  }
}

const Open = ({ view, open }: { view: View; open: (view: View) => void }) => (
  <Button variant="transparent" onClick={() => open(view)}>
    {words.views[view]}
  </Button>
)

/** No answer is chosen before somebody chooses it. */
function Answers({ step: { step, answers }, again }: Pick<Doing, 'step' | 'again'>) {
  const api = useApi()
  const change = useChange()
  return (
    <Flex direction="column" gap="small">
      <Failed error={change.error} />
      <Flex gap="small">
        {answers.map((answer) => (
          <Button
            key={answer}
            variant="secondary"
            disabled={change.busy}
            onClick={() => change.make(() => api.change('POST', '/first-run/answer', { step, answer }), { after: again })}
          >
            {here.start.answers[answer as keyof typeof here.start.answers] ?? answer}
          </Button>
        ))}
      </Flex>
    </Flex>
  )
}

/** How many of the latest real people would count. */
function Counting() {
  const tried = useTry<TriedRules>('/rules/try')
  return <Shown read={tried}>{({ people, counting }) => <Text>{here.start.counting(counting.meta_leads, people)}</Text>}</Shown>
}

/** The stages as they are, or as they are proposed while none were saved; one press takes them. */
function ConfirmStages({ step: { step }, again }: Pick<Doing, 'step' | 'again'>) {
  const api = useApi()
  const change = useChange()
  const stages = useRead<Stages>('/stages')
  const proposal = useRead<Mapping>('/mapping/proposal')
  return (
    <Shown read={stages}>
      {(saved) => (
        <Shown read={proposal}>
          {(proposed) => {
            const none = !mappingOf(saved).stages.some(isReported)
            const mapping = none ? proposed : mappingOf(saved)
            const confirm = async () => {
              if (none) await api.change('PUT', '/mapping', { version: saved.version, mapping })
              await api.change('POST', '/first-run/answer', { step, answer: 'confirmed' })
            }
            return (
              <Flex direction="column" gap="small" align="start">
                <List variant="ordered">
                  {mapping.stages.filter(isReported).map((stage) => `${labelOf(stage, saved.groups)} → ${stage.eventName}`)}
                </List>
                <OneLead mapping={mapping} />
                <Failed error={change.error} theirs={stages.again} />
                <Button variant="secondary" disabled={change.busy} onClick={() => change.make(confirm, { after: again })}>
                  {none ? words.stages.propose : here.start.answers.confirmed}
                </Button>
              </Flex>
            )
          }}
        </Shown>
      )}
    </Shown>
  )
}

/** What Meta would get of one real lead, to the digit. */
function OneLead({ mapping }: { mapping: Mapping }) {
  const [body] = useState({ mapping })
  const preview = useTry<Preview>('/preview', body)
  if (preview.data === undefined && preview.error !== undefined) return <Text>{preview.error.message}</Text>
  return (
    <Shown read={preview}>
      {({ stages }) => {
        const events = stages.flatMap(({ event, text }) => event ?? text ?? [])
        return (
          <Flex direction="column" gap="small">
            <Text format={{ fontWeight: 'demibold' }}>{here.start.preview}</Text>
            {events.length === 0 ? <Text>{here.start.noPreview}</Text> : <List variant="unordered">{events}</List>}
          </Flex>
        )
      }}
    </Shown>
  )
}

/** Sets every route of the account live, or leaves that for later; one real lead can go first. */
function Start({ again, shadow }: Pick<Doing, 'again' | 'shadow'>) {
  const api = useApi()
  const change = useChange()
  const routes = useRead<Route[]>('/routes')
  return (
    <Shown read={routes}>
      {(all) => (
        <Flex direction="column" gap="small" align="start">
          <Text>{words.start.shadowNow}</Text>
          <SendOne />
          <Failed error={change.error} theirs={routes.again} />
          <Button
            variant="primary"
            disabled={change.busy}
            onClick={() =>
              change.make(
                async () => {
                  for (const { datasetId, version, mode } of all)
                    if (mode !== 'live') await api.change('PUT', `/routes/${datasetId}`, { version, mode: 'live' })
                },
                { done: here.start.started, after: again },
              )
            }
          >
            {here.start.start}
          </Button>
          {!shadow && (
            <Button
              variant="secondary"
              disabled={change.busy}
              onClick={() =>
                change.make(() => api.change('POST', '/first-run/answer', { step: 'start', answer: 'shadow' }), {
                  done: words.start.shadowOn,
                  after: again,
                })
              }
            >
              {words.start.shadow}
            </Button>
          )}
        </Flex>
      )}
    </Shown>
  )
}
