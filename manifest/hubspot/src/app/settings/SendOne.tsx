import { Button, Flex, Heading, Text } from '@hubspot/ui-extensions'
import { Accepted } from './Accepted.tsx'
import type { RecordPage, SentOne } from './shared/answers.ts'
import { Failed } from './shared/failed.tsx'
import { here } from './shared/here.ts'
import { OutcomeTag } from './shared/outcome-tag.tsx'
import { Shown } from './shared/shown.tsx'
import { useChange } from './shared/use-change.ts'
import { useApi, useRead } from './shared/use-read.ts'
import { words } from './shared/words.ts'

const { start: said } = words

/** It is judged once more before it goes. */
const isOnItsWay = ({ outcome }: SentOne) => outcome === 'waiting' || outcome === 'pending'
const isSent = ({ outcome }: SentOne) => outcome === 'sent' || outcome === 'unconfirmed'

/** Sends one event that shadow mode kept back, and shows what Meta answered. Where nothing came of it, another may be tried. */
export function SendOne() {
  const api = useApi()
  const change = useChange()
  const sent = useRead<SentOne[]>('/first-run/sent')
  const kept = useRead<RecordPage>('/records?reason=route_shadow&limit=1')
  const again = () => {
    sent.again()
    kept.again()
  }
  const look = (
    <Button variant="secondary" size="small" disabled={sent.busy || kept.busy} onClick={again}>
      {here.start.checkAgain}
    </Button>
  )
  return (
    <Flex direction="column" gap="small" align="start">
      <Heading>{said.one}</Heading>
      <Shown read={sent}>
        {(ones) => (
          <Shown read={kept}>
            {({ records: [latest] }) => {
              const mayGo = !ones.some((one) => isOnItsWay(one) || isSent(one))
              return (
                <>
                  {ones.map((one) => (
                    <Outcome key={one.eventId} one={one} />
                  ))}
                  {mayGo && <Text>{latest === undefined ? said.oneNone : said.oneText}</Text>}
                  {mayGo && latest !== undefined ? (
                    <Button
                      variant="secondary"
                      disabled={change.busy}
                      onClick={() =>
                        change.make(() => api.change('POST', '/first-run/send', { record: latest.record, eventId: latest.eventId }), {
                          after: again,
                        })
                      }
                    >
                      {said.oneSend(latest.eventName ?? '', said.record(latest.record.type, latest.record.id))}
                    </Button>
                  ) : (
                    !ones.some(isSent) && look
                  )}
                </>
              )
            }}
          </Shown>
        )}
      </Shown>
      <Failed error={change.error} />
    </Flex>
  )
}

function Outcome({ one }: { one: SentOne }) {
  const eventName = one.eventName ?? ''
  if (one.outcome === 'sent') return <Accepted {...one} sentAt={one.settledAt} />
  if (isOnItsWay(one)) return <Text>{said.oneOnItsWay(eventName)}</Text>
  return (
    <>
      <OutcomeTag outcome={one.outcome} />
      <Text>{one.text}</Text>
    </>
  )
}
