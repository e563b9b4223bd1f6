import { Button, Code, Group, Select, Switch, Text, TextInput, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { changes, type Digest, type Recipient, resources } from '../../api/resources.ts'
import { Card } from '../../parts/card.tsx'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { KeepChanges } from '../../parts/keep-changes.tsx'
import { Note } from '../../parts/note.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useDraft } from '../../parts/use-draft.ts'
import { words } from '../../words.ts'

const said = words.connection

/** Who is told of notices, and when the weekly digest comes. */
export function People() {
  const recipients = useQuery(resources.recipients)
  const digest = useQuery(resources.digest)
  return (
    <Card title={said.people} text={said.peopleText}>
      <Shown query={recipients}>
        {(list) => (
          <>
            {list.length === 0 && <Text size="sm">{said.noPeople}</Text>}
            <ul className="lines">
              {list.map((one) => (
                <li key={one.id}>
                  <Line {...one} />
                </li>
              ))}
            </ul>
          </>
        )}
      </Shown>
      <ForAdmins>
        <NewRecipient />
        <Title order={3} mt="lg" mb="xs">
          {said.digest}
        </Title>
        <Shown query={digest}>{(data) => <WhenDigest {...data} />}</Shown>
      </ForAdmins>
    </Card>
  )
}

function Line({ id, kind, address, problem }: Recipient) {
  const [gone, setGone] = useState(false)
  const test = useChange(changes.testRecipient, { done: ({ address }) => said.tested(address) })
  const remove = useChange(changes.removeRecipient, { after: () => setGone(true) })
  if (gone) return null
  return (
    <>
      <Group justify="space-between" gap="xs">
        <Text style={{ overflowWrap: 'anywhere' }}>{address}</Text>
        <ForAdmins>
          <Group gap="xs">
            <Button
              size="compact-sm"
              variant="default"
              loading={test.isPending}
              onClick={() => test.mutate(id)}
              aria-label={`${said.test}: ${address}`}
            >
              {said.test}
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              loading={remove.isPending}
              onClick={() => remove.mutate(id)}
              aria-label={`${said.remove}: ${address}`}
              data-kind={kind}
            >
              {said.remove}
            </Button>
          </Group>
        </ForAdmins>
      </Group>
      {problem !== null && (
        <Text size="sm" className="warn">
          {problem}
        </Text>
      )}
      <Failed error={test.error ?? remove.error} />
    </>
  )
}

function NewRecipient() {
  const form = useForm({
    initialValues: { to: '' },
    validate: { to: (value) => (/^https:\/\/\S+$|^\S+@\S+$/.test(value.trim()) ? null : said.addressNeeded) },
  })
  const add = useChange(changes.addRecipient, { done: said.added, after: form.reset })
  return (
    <form
      noValidate
      onSubmit={form.onSubmit(({ to }) => add.mutate(to.trim().startsWith('https://') ? { url: to.trim() } : { email: to.trim() }))}
    >
      <Group align="flex-start" gap="xs" mt="sm">
        <TextInput label={said.address} style={{ flex: 1 }} miw={220} autoComplete="off" {...form.getInputProps('to')} />
        <Button type="submit" variant="default" mt={25} loading={add.isPending}>
          {said.add}
        </Button>
      </Group>
      <Failed error={add.error} />
      {add.data?.secret !== undefined && (
        <Note title={said.secret}>
          <Code>{add.data.secret}</Code>
        </Note>
      )}
    </form>
  )
}

const zones = Intl.supportedValuesOf('timeZone')

function WhenDigest(saved: Digest) {
  const draft = useDraft<Omit<Digest, 'version'>>({ version: saved.version, value: saved })
  const { enabled, weekday, hour, timeZone } = draft.value
  const set = (change: Partial<Digest>) => draft.set({ enabled, weekday, hour, timeZone, ...change })
  const save = useChange(changes.saveDigest, { done: words.unsaved.saved, after: draft.discard })
  return (
    <>
      <Switch label={said.digest} checked={enabled} onChange={({ currentTarget: { checked } }) => set({ enabled: checked })} mb="xs" />
      <Group align="flex-start" gap="xs">
        <Select
          label={said.weekday}
          data={said.weekdays.map((label, index) => ({ value: String(index + 1), label }))}
          value={String(weekday)}
          allowDeselect={false}
          onChange={(value) => set({ weekday: Number(value) })}
          w={140}
        />
        <Select
          label={said.hour}
          data={Array.from({ length: 24 }, (_, value) => ({ value: String(value), label: `${String(value).padStart(2, '0')}:00` }))}
          value={String(hour)}
          allowDeselect={false}
          onChange={(value) => set({ hour: Number(value) })}
          w={100}
        />
        <Select
          label={said.timeZone}
          description={said.timeZoneText}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          data={zones.includes(timeZone) ? zones : [timeZone, ...zones]}
          value={timeZone}
          searchable
          limit={50}
          allowDeselect={false}
          onChange={(value) => set({ timeZone: value ?? timeZone })}
          miw={200}
        />
      </Group>
      <KeepChanges
        draft={draft}
        save={save}
        latest={resources.digest}
        bodyOf={(version) => ({ version, enabled, weekday, hour, timeZone })}
      />
    </>
  )
}
