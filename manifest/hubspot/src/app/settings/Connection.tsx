import { Alert, Button, DescriptionList, DescriptionListItem, Flex, Heading, Link, StatusTag, Text } from '@hubspot/ui-extensions'
import { useState } from 'react'
import { Datasets } from './Datasets.tsx'
import { People } from './People.tsx'
import type { Connection as ConnectionAnswer, Finding } from './shared/answers.ts'
import { AskFirst } from './shared/ask-first.tsx'
import { Failed } from './shared/failed.tsx'
import { Connect } from './shared/frame.tsx'
import { here } from './shared/here.ts'
import { Shown } from './shared/shown.tsx'
import { useChange } from './shared/use-change.ts'
import { type Read, useApi, useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { when } from './shared/when.ts'
import { Trail } from './Trail.tsx'

const { connection: text } = here

/** The account, where its events go, who is told, what can be taken along, and the way out. */
export function Connection() {
  const connection = useRead<ConnectionAnswer>('/connection')
  return (
    <Flex direction="column" gap="large">
      <Shown read={connection}>{(data) => <Account connection={data} read={connection} />}</Shown>
      <Check />
      <Datasets />
      <People />
      <Trail />
      <Files />
      <Shown read={connection}>{(data) => <Leave account={data.account} left={connection.again} />}</Shown>
    </Flex>
  )
}

const tags = { setup: 'info', active: 'success', attention: 'warning', paused: 'warning', removed: 'default' } as const

function Account({ connection, read }: { connection: ConnectionAnswer; read: Read<ConnectionAnswer> }) {
  const api = useApi()
  const change = useChange()
  const { admin, timeZone } = useVisitor()
  const { state, stateReason, crmName, account, createdAt, lastChangeAt } = connection
  const paused = state === 'paused'
  return (
    <Flex direction="column" gap="small" align="start">
      <StatusTag variant={tags[state]}>{text.states[state]}</StatusTag>
      {stateReason !== null && <Text>{stateReason}</Text>}
      <DescriptionList direction="row">
        <DescriptionListItem label={text.account}>
          <Text>{`${crmName} ${account}`}</Text>
        </DescriptionListItem>
        <DescriptionListItem label={text.since}>
          <Text>{when(createdAt, timeZone)}</Text>
        </DescriptionListItem>
        <DescriptionListItem label={text.lastChange}>
          <Text>{when(lastChangeAt, timeZone)}</Text>
        </DescriptionListItem>
      </DescriptionList>
      {paused && <Text>{text.paused}</Text>}
      <Failed error={change.error} />
      {admin && (
        <Flex gap="small">
          <Button
            variant="secondary"
            disabled={change.busy}
            onClick={() =>
              change.make(() => api.change('POST', paused ? '/connection/resume' : '/connection/pause'), { after: read.again })
            }
          >
            {paused ? text.resume : text.pause}
          </Button>
          <Connect label={text.reconnect} />
        </Flex>
      )}
    </Flex>
  )
}

function Check() {
  const findings = useRead<Finding[]>('/connection/check')
  return (
    <Flex direction="column" gap="small">
      <Heading>{text.check}</Heading>
      <Shown read={findings}>
        {(all) => (
          <>
            {all.length === 0 && <Text>{text.nothingMissing}</Text>}
            {all.map(({ code, fatal, text: said }) => (
              <Alert key={code} title={said} variant={fatal ? 'danger' : 'info'} />
            ))}
          </>
        )}
      </Shown>
    </Flex>
  )
}

/** Files are fetched by an address that works once. */
function Files() {
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  const [file, setFile] = useState<{ name: string; url: string }>()
  if (!admin) return null
  return (
    <Flex direction="column" gap="small">
      <Heading>{text.files}</Heading>
      <Failed error={change.error} />
      <Flex gap="small">
        {Object.entries(text.fileNames).map(([what, name]) => (
          <Button
            key={what}
            size="small"
            variant="secondary"
            disabled={change.busy}
            onClick={() =>
              change.make(() => api.change<{ url: string }>('POST', '/downloads', { what }), { after: ({ url }) => setFile({ name, url }) })
            }
          >
            {name}
          </Button>
        ))}
      </Flex>
      {file && <Link href={{ url: file.url, external: true }}>{text.download(file.name)}</Link>}
    </Flex>
  )
}

function Leave({ account, left }: { account: string; left: () => void }) {
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  const [said, setSaid] = useState<string | null>(null)
  if (!admin) return null
  return (
    <Flex direction="column" gap="small" align="start">
      <Failed error={change.error} />
      {said !== null && <Text>{said}</Text>}
      <AskFirst
        id="leave"
        label={text.leave}
        title={text.leaveTitle}
        text={text.leaveText}
        yes={text.leaveYes}
        busy={change.busy}
        act={() =>
          change.make(() => api.change<{ text: string | null }>('POST', '/connection/leave', { account }), {
            after: (made) => {
              setSaid(made.text)
              left()
            },
          })
        }
      />
    </Flex>
  )
}
