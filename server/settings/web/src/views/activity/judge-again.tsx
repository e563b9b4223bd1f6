import { Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, resources } from '../../api/resources.ts'
import { Card } from '../../parts/card.tsx'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { useCatalogue } from '../../parts/outcome-badge.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useWhen } from '../../parts/when.ts'
import { useWho } from '../../parts/who.ts'
import { words } from '../../words.ts'

const said = words.activity
const LOOK_MS = 15_000

/** After something was put right: what was held back is looked at once more. */
export function JudgeAgain() {
  const when = useWhen()
  const who = useWho()
  const catalogue = useCatalogue()
  const standing = useQuery({ ...resources.reevaluation, refetchInterval: LOOK_MS })
  const again = useChange((reason: string) => changes.reevaluate(reason), { done: ({ entries }) => said.againDone(entries) })
  return (
    <Card title={said.again} text={said.againText}>
      <Shown query={standing}>
        {({ candidates, last }) => (
          <>
            {candidates.length === 0 && <Text size="sm">{said.againEmpty}</Text>}
            <ul className="lines">
              {candidates.flatMap(({ reason, count }) =>
                reason === null
                  ? []
                  : [
                      <li key={reason}>
                        <Text size="sm">{plain(catalogue?.reasons[reason]?.text ?? reason)}</Text>
                        <ForAdmins>
                          <Button size="xs" variant="default" mt={6} loading={again.isPending} onClick={() => again.mutate(reason)}>
                            {said.againDo(count)}
                          </Button>
                        </ForAdmins>
                      </li>,
                    ],
              )}
            </ul>
            <Failed error={again.error} />
            {last !== null && (
              <Text size="xs" c="dimmed">
                {said.againLast(when(last.requestedAt), who(last.requestedBy), last.entries)}
              </Text>
            )}
          </>
        )}
      </Shown>
    </Card>
  )
}

/** A text of the catalogue for many records: what differs between them is left open, as where results are counted. */
const plain = (text: string) => text.replace(/\{\w+\}/g, '…')
