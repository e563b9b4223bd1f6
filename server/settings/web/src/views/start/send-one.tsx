import { Button, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, type RecordPage, resources, type SentOne } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { Note } from '../../parts/note.tsx'
import { OutcomeBadge } from '../../parts/outcome-badge.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { words } from '../../words.ts'
import { Accepted } from './accepted.tsx'

const said = words.start
const LOOK_MS = 3_000
/** It is judged once more before it goes. */
const isOnItsWay = ({ outcome }: SentOne) => outcome === 'waiting' || outcome === 'pending'
const isSent = ({ outcome }: SentOne) => outcome === 'sent' || outcome === 'unconfirmed'

/** Sends one event that shadow mode kept back, and shows what Meta answered. Where nothing came of it, another may be tried. */
export function SendOne() {
  const sent = useQuery({
    ...resources.sentOnes,
    refetchInterval: ({ state: { data } }) => (data?.some(isOnItsWay) ? LOOK_MS : false),
  })
  return (
    <div>
      <Title order={3}>{said.one}</Title>
      <Shown query={sent} lines={1}>
        {(list) => (
          <>
            {list.map((one) => (
              <Outcome key={one.eventId} {...one} />
            ))}
            {!list.some((one) => isOnItsWay(one) || isSent(one)) && <Offer />}
          </>
        )}
      </Shown>
    </div>
  )
}

/** The latest event that was kept back, as soon as there is one. */
function Offer() {
  const kept = useQuery({ ...resources.records({ reason: 'route_shadow' }), refetchInterval: LOOK_MS })
  return (
    <Shown query={kept} lines={1}>
      {({ records: [latest] }) =>
        latest === undefined ? (
          <Text size="sm" c="dimmed">
            {said.oneNone}
          </Text>
        ) : (
          <Send {...latest} />
        )
      }
    </Shown>
  )
}

function Send({ record, eventId, eventName }: RecordPage['records'][number]) {
  const send = useChange(changes.sendOne)
  return (
    <>
      <Text size="sm" c="dimmed" mb="xs">
        {said.oneText}
      </Text>
      <Button variant="default" loading={send.isPending} onClick={() => send.mutate({ record, eventId })}>
        {said.oneSend(eventName ?? '', said.record(record.type, record.id))}
      </Button>
      <Failed error={send.error} />
    </>
  )
}

function Outcome(one: SentOne) {
  const eventName = one.eventName ?? ''
  if (isOnItsWay(one))
    return (
      <Text size="sm" role="status" aria-busy>
        {said.oneOnItsWay(eventName)}
      </Text>
    )
  if (one.outcome === 'sent') return <Accepted {...one} sentAt={one.settledAt} />
  return (
    <Note mood="warn" role="status" title={eventName}>
      <OutcomeBadge outcome={one.outcome} /> {one.text}
    </Note>
  )
}
