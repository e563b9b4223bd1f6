import { Button, Checkbox } from '@mantine/core'
import { useState } from 'react'
import { changes } from '../../api/resources.ts'
import { AskFirst } from '../../parts/ask-first.tsx'
import { Card } from '../../parts/card.tsx'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useVisitor } from '../../parts/visitor.ts'
import { words } from '../../words.ts'

const said = words.connection

/** Ends the connection; whoever means it says so twice. */
export function Leave() {
  const { account } = useVisitor()
  const [asked, setAsked] = useState(false)
  const [sure, setSure] = useState(false)
  const leave = useChange(changes.leave, { done: ({ text }) => text ?? said.left })
  return (
    <Card title={said.leave} text={said.leaveText}>
      <ForAdmins>
        <Button variant="outline" color="red.8" classNames={{ label: 'bad' }} onClick={() => setAsked(true)}>
          {said.leaveDo}
        </Button>
      </ForAdmins>
      <AskFirst
        opened={asked}
        title={said.leaveTitle}
        yes={said.leaveDo}
        ready={sure}
        busy={leave.isPending}
        danger
        onYes={() => leave.mutate(account)}
        onNo={() => setAsked(false)}
      >
        {said.leaveText}
        <Checkbox mt="md" label={said.leaveSure(account)} checked={sure} onChange={({ currentTarget: { checked } }) => setSure(checked)} />
        <Failed error={leave.error} />
      </AskFirst>
    </Card>
  )
}
