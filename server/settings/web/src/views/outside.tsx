/** What somebody sees who is not inside: signing in, connecting, and a session that is over. */
import { Button, Modal, Stack, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { resumeSession } from '../api/client.ts'
import { changes, resources, type Session } from '../api/resources.ts'
import { Alone } from '../parts/alone.tsx'
import { isFramed } from '../parts/is-framed.ts'
import { Note } from '../parts/note.tsx'
import { useOpenTab } from '../parts/open-tab.tsx'
import { useChange } from '../parts/use-change.ts'
import { words } from '../words.ts'

const signIns = [
  ['/sign-in/hubspot', words.outside.with('HubSpot')],
  ['/sign-in/salesforce', words.outside.with('Salesforce')],
  ['/sign-in/salesforce?host=sandbox', words.outside.sandbox],
] as const

export function SignIn({ problem }: { problem?: unknown }) {
  return (
    <Alone title={problem === undefined ? words.outside.title : words.outside.refused}>
      {problem instanceof Error && (
        <Text role="alert" mb="sm">
          {problem.message}
        </Text>
      )}
      <Text size="sm" c="dimmed" mb="md">
        {words.outside.text}
      </Text>
      <Stack gap="xs">
        {signIns.map(([href, label]) => (
          <Button key={href} component="a" href={href} variant="default">
            {label}
          </Button>
        ))}
      </Stack>
    </Alone>
  )
}

/** What was typed stays behind it. */
export function SignedOut({ onBack }: { onBack: () => void }) {
  const resume = useChange(resumeSession, { after: onBack })
  return (
    <Modal opened onClose={() => {}} withCloseButton={false} title={words.outside.over} centered>
      <Text size="sm" mb="md">
        {isFramed ? words.outside.overFramed : words.outside.overAlone}
      </Text>
      {isFramed ? (
        <Button loading={resume.isPending} onClick={() => resume.mutate(undefined)}>
          {words.failed.again}
        </Button>
      ) : (
        <Button component="a" href="/page">
          {words.outside.again}
        </Button>
      )}
      {resume.error && (
        <Text size="sm" role="alert" className="bad" mt="sm">
          {resume.error.message}
        </Text>
      )}
    </Modal>
  )
}

export function NotConnected({ session: { crm, account } }: { session: Session }) {
  const queries = useQueryClient()
  const openTab = useOpenTab()
  const connect = useChange(() => changes.connect().then(openTab))
  return (
    <Alone title={words.outside.notConnected(crm.name)}>
      <Text size="sm" mb="md">
        {words.outside.notConnectedText(crm.name, account)}
      </Text>
      {connect.error && (
        <Note mood="bad" role="alert">
          {connect.error.message}
        </Note>
      )}
      <Stack gap="xs">
        <Button loading={connect.isPending} onClick={() => connect.mutate(undefined)}>
          {words.outside.connect(crm.name)}
        </Button>
        {connect.isSuccess && (
          <Button variant="default" onClick={() => queries.invalidateQueries(resources.session)}>
            {words.outside.connected}
          </Button>
        )}
      </Stack>
    </Alone>
  )
}
