import {
  Alert,
  Button,
  Flex,
  Form,
  Heading,
  Input,
  StatusTag,
  Table,
  TableBody,
  TableCell,
  TableHead,
  TableHeader,
  TableRow,
  Text,
  Toggle,
} from '@hubspot/ui-extensions'
import { useState } from 'react'
import { DigestForm } from './DigestForm.tsx'
import type { Digest, Recipient } from './shared/answers.ts'
import { Failed } from './shared/failed.tsx'
import { here } from './shared/here.ts'
import { Shown } from './shared/shown.tsx'
import { useChange } from './shared/use-change.ts'
import { useApi, useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { when } from './shared/when.ts'
import { words } from './shared/words.ts'

const { connection: said } = words
const { people: text } = here

/** Who is told of notices, by mail or webhook, and when the weekly digest comes. */
export function People() {
  const { admin } = useVisitor()
  const recipients = useRead<Recipient[]>('/recipients')
  const digest = useRead<Digest>('/digest')
  return (
    <Flex direction="column" gap="small">
      <Heading>{said.people}</Heading>
      <Text>{said.peopleText}</Text>
      <Shown read={recipients}>
        {(all) =>
          all.length === 0 ? (
            <Text>{said.noPeople}</Text>
          ) : (
            <Table bordered density="condensed">
              <TableHead>
                <TableRow>
                  <TableHeader>{text.address}</TableHeader>
                  <TableHeader>{text.last}</TableHeader>
                  <TableHeader width="min"> </TableHeader>
                </TableRow>
              </TableHead>
              <TableBody>
                {all.map((one) => (
                  <RecipientRow key={one.id} recipient={one} again={recipients.again} />
                ))}
              </TableBody>
            </Table>
          )
        }
      </Shown>
      {admin && <NewRecipient added={recipients.again} />}
      <Heading>{said.digest}</Heading>
      <Shown read={digest}>{(data) => <DigestForm digest={data} read={digest} />}</Shown>
    </Flex>
  )
}

function RecipientRow({ recipient, again }: { recipient: Recipient; again: () => void }) {
  const { id, address, digest, lastSentAt, problem } = recipient
  const api = useApi()
  const change = useChange()
  const { admin, timeZone } = useVisitor()
  return (
    <TableRow>
      <TableCell>
        <Text>{address}</Text>
        {digest && <StatusTag>{said.digest}</StatusTag>}
        {problem !== null && <Alert title={problem} variant="warning" />}
        <Failed error={change.error} />
      </TableCell>
      <TableCell>{when(lastSentAt, timeZone)}</TableCell>
      <TableCell>
        {admin && (
          <Flex gap="extra-small">
            <Button
              size="extra-small"
              variant="secondary"
              disabled={change.busy}
              onClick={() => change.make(() => api.change('POST', `/recipients/${id}/test`), { done: said.tested(address), after: again })}
            >
              {said.test}
            </Button>
            <Button
              size="extra-small"
              variant="destructive"
              disabled={change.busy}
              onClick={() => change.make(() => api.change('POST', `/recipients/${id}/remove`), { after: again })}
            >
              {said.remove}
            </Button>
          </Flex>
        )}
      </TableCell>
    </TableRow>
  )
}

const isUrl = (to: string) => to.startsWith('https://')

function NewRecipient({ added }: { added: () => void }) {
  const api = useApi()
  const change = useChange()
  const [typed, setTyped] = useState('')
  const [digest, setDigest] = useState(true)
  const [secret, setSecret] = useState<string>()
  const to = typed.trim()
  const wrong = to !== '' && !isUrl(to) && !/^\S+@\S+$/.test(to)
  const add = () =>
    change.make(() => api.change<{ secret?: string }>('POST', '/recipients', { to: isUrl(to) ? { url: to } : { email: to }, digest }), {
      done: said.added,
      after: (made) => {
        setTyped('')
        setSecret(made.secret)
        added()
      },
    })
  return (
    <>
      <Form onSubmit={add}>
        <Flex direction="column" gap="small" align="start">
          <Input
            label={said.address}
            name="to"
            value={typed}
            error={wrong}
            validationMessage={wrong ? said.addressNeeded : undefined}
            onInput={setTyped}
          />
          <Toggle label={text.digestToo} name="digestToo" checked={digest} onChange={setDigest} />
          <Failed error={change.error} />
          <Button variant="secondary" type="submit" disabled={to === '' || wrong || change.busy}>
            {said.add}
          </Button>
        </Flex>
      </Form>
      {secret !== undefined && (
        <Alert title={said.secret} variant="info">
          <Text format={{ fontWeight: 'demibold' }}>{secret}</Text>
        </Alert>
      )}
    </>
  )
}
