import { Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { type Connection, changes, resources } from '../../api/resources.ts'
import { AskFirst } from '../../parts/ask-first.tsx'
import { Card } from '../../parts/card.tsx'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { useOpenTab } from '../../parts/open-tab.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useHash } from '../../parts/use-hash.ts'
import { useWhen } from '../../parts/when.ts'
import { words } from '../../words.ts'
import { Findings } from './findings.tsx'
import { Invite } from './invite.tsx'

const said = words.connection
const LOOK_MS = 15_000
const moods = { active: 'good', attention: 'warn', setup: 'soft', paused: 'soft', removed: 'soft' }

/** The CRM account: how it stands, and pausing, checking and connecting it again. */
export function Crm() {
  const connection = useQuery({ ...resources.connection, refetchInterval: LOOK_MS })
  return (
    <Shown query={connection}>
      {(data) => (
        <Card title={data.crmName} text={`${said.account(data.account)}${data.sandbox ? ` · ${said.sandbox}` : ''}`}>
          <Account {...data} />
        </Card>
      )}
    </Shown>
  )
}

function Account({ state, stateReason, notice, arrival, standing, lastChangeAt, coveredUntil }: Connection) {
  const when = useWhen()
  const wanted = useHash() === 'connection/check'
  const check = useQuery({ ...resources.check, enabled: wanted })
  const [asked, setAsked] = useState(false)
  const pause = useChange(changes.pause, { done: said.paused })
  const resume = useChange(changes.resume, { done: said.resumed })
  const catchUp = useChange(changes.catchUp, { done: said.catchUpDone })
  const openTab = useOpenTab()
  const reconnect = useChange(() => changes.connect().then(openTab), { done: words.actionDone.reconnect })
  const facts = [
    arrival && said.arrivals[arrival],
    lastChangeAt && said.lastChange(when(lastChangeAt)),
    coveredUntil && said.covered(when(coveredUntil)),
  ]
  useEffect(() => {
    if (wanted) document.getElementById('findings')?.scrollIntoView({ block: 'center' })
  }, [wanted])
  return (
    <>
      <Text fw={600} className={moods[state]}>
        {said.states[state]}
      </Text>
      <Text size="sm">{notice ?? stateReason}</Text>
      <Text size="sm" c="dimmed">
        {facts.filter(Boolean).join(' ')} {standing?.text}
      </Text>
      <Group gap="xs" mt="md">
        <Button size="xs" variant="default" loading={check.isFetching} onClick={() => check.refetch()}>
          {said.check}
        </Button>
        <ForAdmins>
          <Group gap="xs">
            {state === 'paused' ? (
              <Button size="xs" loading={resume.isPending} onClick={() => resume.mutate(undefined)}>
                {said.resume}
              </Button>
            ) : (
              <Button size="xs" variant="default" onClick={() => setAsked(true)}>
                {said.pause}
              </Button>
            )}
            <Button size="xs" variant="default" loading={catchUp.isPending} onClick={() => catchUp.mutate(undefined)}>
              {said.catchUp}
            </Button>
            <Button size="xs" variant="default" loading={reconnect.isPending} onClick={() => reconnect.mutate(undefined)}>
              {said.reconnect}
            </Button>
          </Group>
        </ForAdmins>
      </Group>
      <div id="findings" aria-live="polite" style={{ marginTop: 12 }}>
        {check.data && <Findings findings={check.data} />}
        <Failed error={check.error ?? pause.error ?? resume.error ?? catchUp.error ?? reconnect.error} />
      </div>
      <ForAdmins>
        <Invite what="crm" label={said.inviteCrm} />
      </ForAdmins>
      <AskFirst
        opened={asked}
        title={said.pauseTitle}
        yes={said.pause}
        busy={pause.isPending}
        onYes={() => pause.mutate(undefined, { onSettled: () => setAsked(false) })}
        onNo={() => setAsked(false)}
      >
        {said.pauseText}
      </AskFirst>
    </>
  )
}
