import { Button, Checkbox, Modal, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { changes, resources } from '../../api/resources.ts'
import { AskFirst } from '../../parts/ask-first.tsx'
import { Card } from '../../parts/card.tsx'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { Note } from '../../parts/note.tsx'
import { useOpenTab } from '../../parts/open-tab.tsx'
import { useSay } from '../../parts/say.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useVisitor } from '../../parts/visitor.ts'
import { words } from '../../words.ts'

const said = words.connection

/** Ends the connection; whoever means it says so twice. */
export function Leave() {
  const { account } = useVisitor()
  const queries = useQueryClient()
  const say = useSay()
  const takesAlong = useQuery(resources.connection).data?.takesAlong
  const [asked, setAsked] = useState(false)
  const [sure, setSure] = useState(false)
  // Nothing of the account can be shown afterwards: what is left to do is read first.
  const end = () => {
    say(said.left)
    queries.invalidateQueries()
  }
  const leave = useMutation({ mutationFn: changes.leave, onSuccess: ({ text }) => text === null && end() })
  return (
    <Card title={said.leave} text={said.leaveText}>
      <ForAdmins>
        <Button variant="outline" color="red.8" classNames={{ label: 'bad' }} onClick={() => setAsked(true)}>
          {said.leaveDo}
        </Button>
      </ForAdmins>
      <AskFirst
        opened={asked && !leave.data}
        title={said.leaveTitle}
        yes={said.leaveDo}
        ready={sure}
        busy={leave.isPending}
        danger
        onYes={() => leave.mutate(account)}
        onNo={() => setAsked(false)}
      >
        {said.leaveText}
        {takesAlong && <TakesAlong text={takesAlong} />}
        <Checkbox mt="md" label={said.leaveSure(account)} checked={sure} onChange={({ currentTarget: { checked } }) => setSure(checked)} />
        <Failed error={leave.error} />
      </AskFirst>
      <Modal opened={Boolean(leave.data?.text)} onClose={end} title={said.leftTitle} centered withCloseButton={false}>
        <Text size="sm" mb="md">
          {leave.data?.text}
        </Text>
        <Button onClick={end}>{words.close}</Button>
      </Modal>
    </Card>
  )
}

/** What is lost with the app, and the file that saves it. */
function TakesAlong({ text }: { text: string }) {
  const openTab = useOpenTab()
  const download = useChange(() => changes.download('lead-ids').then(openTab))
  return (
    <div style={{ marginTop: 16 }}>
      <Note
        mood="warn"
        title={said.leaveTakes}
        actions={
          <Button size="xs" variant="default" loading={download.isPending} onClick={() => download.mutate(undefined)}>
            {said.leadIds}
          </Button>
        }
      >
        {text}
      </Note>
      <Failed error={download.error} />
    </div>
  )
}
