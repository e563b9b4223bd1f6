import { Button, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, resources, type SentOne } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { Note } from '../../parts/note.tsx'
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
  const mayGo = sent.data !== undefined && !sent.data.some((one) => isOnItsWay(one) || isSent(one))
  const kept = useQuery({ ...resources.records({ reason: 'route_shadow' }), enabled: mayGo, refetchInterval: LOOK_MS })
  const send = useChange(changes.sendOne)
  const latest = kept.data?.records[0]
  return (
    <div>
      <Title order={3}>{said.one}</Title>
      {mayGo && (
        <Text size="sm" c="dimmed" mb="xs">
          {latest === undefined ? said.oneNone : said.oneText}
        </Text>
      )}
      {sent.data?.map((one) => (
        <Outcome key={one.eventId} {...one} />
      ))}
      {mayGo && latest !== undefined && (
        <Button
          variant="default"
          loading={send.isPending}
          onClick={() => send.mutate({ record: latest.record, eventId: latest.eventId })}
          styles={{ root: { height: 'auto', minHeight: 36 }, label: { whiteSpace: 'normal', overflowWrap: 'anywhere' } }}
        >
          {said.oneSend(latest.eventName ?? '', said.record(latest.record.type, latest.record.id))}
        </Button>
      )}
      <Failed error={send.error} />
    </div>
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
  if (isSent(one)) return <Accepted {...one} sentAt={one.settledAt} text={one.text} />
  return (
    <Note mood="warn" role="status" title={said.oneNot(eventName)}>
      {one.text}
    </Note>
  )
}
