import {
  Accordion,
  Alert,
  Button,
  DescriptionList,
  DescriptionListItem,
  Flex,
  Form,
  Heading,
  Input,
  Link,
  Modal,
  ModalBody,
  ModalFooter,
  StatusTag,
  Table,
  TableBody,
  TableCell,
  TableHead,
  TableHeader,
  TableRow,
  Text,
  useExtensionActions,
} from '@hubspot/ui-extensions'
import { useState } from 'react'
import { ConnectDataset } from './ConnectDataset.tsx'
import type { Connection as ConnectionAnswer, Dataset, Finding, Recipient, Route } from './shared/answers.ts'
import { Failed } from './shared/failed.tsx'
import { Connect } from './shared/frame.tsx'
import { here } from './shared/here.ts'
import { Shown } from './shared/shown.tsx'
import { useChange } from './shared/use-change.ts'
import { type Read, useApi, useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { when } from './shared/when.ts'
import { words } from './shared/words.ts'

const { connection: text } = here
const NONE = 'none'

/** The account, where its events go, who is told, what can be taken along, and the way out. */
export function Connection() {
  const connection = useRead<ConnectionAnswer>('/connection')
  return (
    <Flex direction="column" gap="large">
      <Shown read={connection}>{(data) => <Account connection={data} read={connection} />}</Shown>
      <Check />
      <Datasets />
      <People />
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

function Datasets() {
  const datasets = useRead<Dataset[]>('/datasets')
  const routes = useRead<Route[]>('/routes')
  const { admin } = useVisitor()
  const again = () => {
    datasets.again()
    routes.again()
  }
  return (
    <Flex direction="column" gap="small">
      <Heading>{text.datasets}</Heading>
      <Shown read={datasets}>
        {(all) => (
          <Shown read={routes}>
            {(ways) =>
              all.length === 0 ? (
                <Text>{text.noDatasets}</Text>
              ) : (
                <Table bordered>
                  <TableHead>
                    <TableRow>
                      <TableHeader>{text.dataset}</TableHeader>
                      <TableHeader>{text.mode}</TableHeader>
                      <TableHeader align="right">{text.unsent}</TableHeader>
                      <TableHeader width="min"> </TableHeader>
                    </TableRow>
                  </TableHead>
                  <TableBody>
                    {all.map((dataset) => (
                      <DatasetRow
                        key={dataset.id}
                        dataset={dataset}
                        route={ways.find(({ datasetId }) => datasetId === dataset.id)}
                        again={again}
                      />
                    ))}
                  </TableBody>
                </Table>
              )
            }
          </Shown>
        )}
      </Shown>
      {admin && (
        <Accordion title={text.add}>
          <ConnectDataset connected={again} />
        </Accordion>
      )}
    </Flex>
  )
}

function DatasetRow({ dataset, route, again }: { dataset: Dataset; route: Route | undefined; again: () => void }) {
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  const { id, metaId, state, holdText, unsent } = dataset
  const live = route?.mode === 'live'
  const next = route === undefined ? 'shadow' : live ? 'shadow' : 'live'
  return (
    <TableRow>
      <TableCell>
        <Text>{metaId}</Text>
        {holdText !== null && <Text>{holdText}</Text>}
        <Failed error={change.error} theirs={again} />
      </TableCell>
      <TableCell>
        <StatusTag variant={live ? 'success' : 'default'}>{route === undefined ? text.noRoute : text[route.mode]}</StatusTag>
      </TableCell>
      <TableCell align="right">{unsent}</TableCell>
      <TableCell>
        {admin && (
          <Flex gap="extra-small">
            <Button
              size="extra-small"
              disabled={change.busy}
              onClick={() =>
                change.make(() => api.change('PUT', `/routes/${id}`, { version: route?.version ?? NONE, mode: next }), { after: again })
              }
            >
              {route === undefined ? text.feed : live ? text.goShadow : text.goLive}
            </Button>
            {state === 'held' && (
              <Button
                size="extra-small"
                disabled={change.busy}
                onClick={() => change.make(() => api.change('POST', `/datasets/${id}/resume`), { after: again })}
              >
                {text.resumeDataset}
              </Button>
            )}
          </Flex>
        )}
      </TableCell>
    </TableRow>
  )
}

function People() {
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  const recipients = useRead<Recipient[]>('/recipients')
  const [email, setEmail] = useState('')
  return (
    <Flex direction="column" gap="small">
      <Heading>{text.people}</Heading>
      <Text>{text.peopleText}</Text>
      <Shown read={recipients}>
        {(all) => (
          <>
            {all.map(({ id, address }) => (
              <Flex key={id} gap="small" align="center">
                <Text>{address}</Text>
                {admin && (
                  <Button
                    size="extra-small"
                    variant="destructive"
                    disabled={change.busy}
                    onClick={() => change.make(() => api.change('POST', `/recipients/${id}/remove`), { after: recipients.again })}
                  >
                    {text.removePerson}
                  </Button>
                )}
              </Flex>
            ))}
          </>
        )}
      </Shown>
      <Failed error={change.error} />
      {admin && (
        <Form
          onSubmit={() =>
            change.make(() => api.change('POST', '/recipients', { to: { email } }), {
              after: () => {
                setEmail('')
                recipients.again()
              },
            })
          }
        >
          <Input label={text.email} name="email" value={email} onInput={setEmail} />
          <Button variant="secondary" type="submit" disabled={email === '' || change.busy}>
            {text.addPerson}
          </Button>
        </Form>
      )}
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
  const { closeOverlay } = useExtensionActions<'settings'>()
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  const [said, setSaid] = useState<string | null>(null)
  if (!admin) return null
  return (
    <Flex direction="column" gap="small" align="start">
      <Failed error={change.error} />
      {said !== null && <Text>{said}</Text>}
      <Button
        variant="destructive"
        overlay={
          <Modal id="leave" title={text.leaveTitle} variant="danger">
            <ModalBody>
              <Text>{text.leaveText}</Text>
            </ModalBody>
            <ModalFooter>
              <Button
                variant="destructive"
                disabled={change.busy}
                onClick={() => {
                  closeOverlay('leave')
                  change.make(() => api.change<{ text: string | null }>('POST', '/connection/leave', { account }), {
                    after: (made) => {
                      setSaid(made.text)
                      left()
                    },
                  })
                }}
              >
                {text.leaveYes}
              </Button>
              <Button variant="secondary" onClick={() => closeOverlay('leave')}>
                {words.cancel}
              </Button>
            </ModalFooter>
          </Modal>
        }
      >
        {text.leave}
      </Button>
    </Flex>
  )
}
