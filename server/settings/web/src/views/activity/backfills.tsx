import { Button, Group, Progress, Select, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Backfill, changes, resources } from '../../api/resources.ts'
import { Card } from '../../parts/card.tsx'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { OutcomeBadge, useCatalogue } from '../../parts/outcome-badge.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useWhen } from '../../parts/when.ts'
import { words } from '../../words.ts'

const said = words.backfill
const MOST_DAYS = 7
const LOOK_MS = 2_000
const busy: readonly Backfill['state'][] = ['planned', 'dry_running', 'running']
const over: readonly Backfill['state'][] = ['done', 'cancelled']

/** Reading the past in: a dry run, a question, and its progress. */
export function Backfills() {
  return (
    <Card title={said.title} text={said.text}>
      <BackfillSteps />
    </Card>
  )
}

export function BackfillSteps() {
  const backfills = useQuery({
    ...resources.backfills,
    refetchInterval: ({ state: { data } }) => (data?.[0] && busy.includes(data[0].state) ? LOOK_MS : false),
  })
  const [days, setDays] = useState<string | null>(String(MOST_DAYS))
  const plan = useChange(changes.planBackfill)
  return (
    <Shown query={backfills}>
      {([latest]) => (
        <>
          {latest && <Standing {...latest} />}
          {(latest === undefined || over.includes(latest.state)) && (
            <ForAdmins>
              <Group align="flex-end" gap="xs" mt="sm">
                <Select
                  label={said.days}
                  data={Array.from({ length: MOST_DAYS }, (_, n) => ({ value: String(n + 1), label: said.day(n + 1) }))}
                  value={days}
                  onChange={setDays}
                  allowDeselect={false}
                  w={120}
                />
                <Button variant="default" loading={plan.isPending} onClick={() => plan.mutate(Number(days))}>
                  {said.dryRun}
                </Button>
              </Group>
              <Failed error={plan.error} />
            </ForAdmins>
          )}
        </>
      )}
    </Shown>
  )
}

function Standing({ id, state, from, to, forecast, records, counts, remainingMs, hindrance, errorText }: Backfill) {
  const when = useWhen()
  const catalogue = useCatalogue()
  const step = useChange(changes.stepBackfill)
  const toSend = forecast?.counts.filter(({ outcome }) => outcome === 'pending').reduce((sum, { count }) => sum + count, 0) ?? 0
  const shown = state === 'ready' ? (forecast?.counts.filter(({ outcome }) => outcome !== 'pending') ?? []) : counts
  const press = (name: Parameters<typeof changes.stepBackfill>[0]['step'], label: string, main = false) => (
    <Button
      key={name}
      size="xs"
      {...(!main && { variant: 'default' })}
      loading={step.isPending}
      onClick={() => step.mutate({ id, step: name })}
    >
      {label}
    </Button>
  )
  return (
    <div>
      <Text fw={600} role="status">
        {said.states[state]}
      </Text>
      <Text size="xs" c="dimmed">
        {said.period(when(from), when(to))}
      </Text>
      {state === 'ready' && forecast && <Text size="sm">{said.forecast(forecast.records, toSend)}</Text>}
      {(state === 'running' || state === 'paused') && forecast && (
        <>
          <Progress.Root mt="xs">
            <Progress.Section
              value={forecast.records === 0 ? 100 : Math.min(100, (records / forecast.records) * 100)}
              aria-label={said.states[state]}
            />
          </Progress.Root>
          <Text size="sm">
            {said.progress(records, forecast.records)}
            {remainingMs !== null && `, ${said.left(remainingMs)}`}
          </Text>
        </>
      )}
      {hindrance !== null && <Text size="sm">{said.hindrances[hindrance]}</Text>}
      {errorText !== null && (
        <Text size="sm" className="bad">
          {errorText}
        </Text>
      )}
      <ul className="lines">
        {shown.map(({ outcome, reason, rawLead, count }) => (
          <li key={`${outcome} ${reason} ${rawLead}`}>
            <Group gap="xs">
              <Text fw={600}>{count.toLocaleString('en-GB')}</Text>
              <OutcomeBadge outcome={outcome} />
              {rawLead && (
                <Text size="sm" c="dimmed">
                  {words.activity.newLead}
                </Text>
              )}
            </Group>
            {reason !== null && <Text size="sm">{catalogue?.reasons[reason]?.text ?? reason}</Text>}
          </li>
        ))}
      </ul>
      <ForAdmins>
        <Group gap="xs" mt="xs">
          {state === 'ready' && toSend > 0 && press('confirm', said.confirm(toSend), true)}
          {state === 'running' && press('pause', said.pause)}
          {(state === 'paused' || state === 'failed') && press('resume', said.resume, true)}
          {!over.includes(state) && press('cancel', said.cancel)}
        </Group>
        {state === 'ready' && toSend === 0 && <Text size="sm">{said.nothing}</Text>}
        <Failed error={step.error} />
      </ForAdmins>
    </div>
  )
}
