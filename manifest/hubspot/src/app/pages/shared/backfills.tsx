// Made by `npm run packages:kit`. Change what it is made from instead.
import { Button, Flex, Heading, StatusTag, Text } from '@hubspot/ui-extensions'
import type { Backfill } from './answers.ts'
import { Failed } from './failed.tsx'
import { here } from './here.ts'
import { Shown } from './shown.tsx'
import { useChange } from './use-change.ts'
import { useApi, useRead } from './use-read.ts'
import { useVisitor } from './visitor.ts'

const DAYS = 7
type State = Backfill['state']
type Step = 'confirm' | 'pause' | 'resume' | 'cancel'

/** What can be done about a backfill as it stands, the usual thing first. */
const steps: Record<State, readonly Step[]> = {
  planned: ['cancel'],
  dry_running: ['cancel'],
  ready: ['confirm', 'cancel'],
  running: ['pause', 'cancel'],
  paused: ['resume', 'cancel'],
  failed: ['resume', 'cancel'],
  done: [],
  cancelled: [],
}

/** Reading the last seven days in: a dry run first, then for real. */
export function Backfills({ changed }: { changed?: () => void }) {
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  const backfills = useRead<Backfill[]>('/backfills')
  const again = () => {
    backfills.again()
    changed?.()
  }
  return (
    <Flex direction="column" gap="small" align="start">
      <Heading>{here.backfill.title}</Heading>
      <Text>{here.backfill.text}</Text>
      <Failed error={change.error} />
      <Shown read={backfills}>
        {([last]) =>
          last === undefined || steps[last.state].length === 0 ? (
            <>
              {last && <Standing backfill={last} />}
              {admin && (
                <Button
                  variant="secondary"
                  disabled={change.busy}
                  onClick={() => change.make(() => api.change('POST', '/backfills', { days: DAYS }), { after: again })}
                >
                  {here.backfill.plan}
                </Button>
              )}
            </>
          ) : (
            <>
              <Standing backfill={last} />
              <Flex gap="small">
                <Button variant="secondary" size="small" onClick={again} disabled={backfills.busy}>
                  {here.backfill.look}
                </Button>
                {admin &&
                  steps[last.state].map((step) => (
                    <Button
                      key={step}
                      size="small"
                      variant={step === 'cancel' ? 'destructive' : 'secondary'}
                      disabled={change.busy}
                      onClick={() => change.make(() => api.change('POST', `/backfills/${last.id}/${step}`), { after: again })}
                    >
                      {step === 'confirm' ? here.backfill.confirm(eventsOf(last)) : here.backfill[step]}
                    </Button>
                  ))}
              </Flex>
            </>
          )
        }
      </Shown>
    </Flex>
  )
}

function Standing({ backfill }: { backfill: Backfill }) {
  const { state, forecast, errorText } = backfill
  return (
    <Flex direction="column" gap="extra-small">
      <StatusTag variant={state === 'failed' ? 'danger' : 'info'}>{here.backfill.states[state]}</StatusTag>
      {forecast !== null && <Text>{here.backfill.found(forecast.records, forecast.stages, eventsOf(backfill))}</Text>}
      {errorText !== null && <Text>{errorText}</Text>}
    </Flex>
  )
}

/** How many events the dry run would have sent. */
const eventsOf = ({ forecast }: Backfill): number =>
  (forecast?.counts ?? []).filter(({ outcome }) => outcome === 'pending').reduce((sum, { count }) => sum + count, 0)
