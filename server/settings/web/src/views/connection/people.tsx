import { Button, Code, Group, Select, Switch, Text, TextInput, Title } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { changes, type Digest, type Recipient, resources } from '../../api/resources.ts'
import { AskFirst } from '../../parts/ask-first.tsx'
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
  const queries = useQueryClient()
  const [asked, setAsked] = useState(false)
  const test = useChange(changes.testRecipient, { done: ({ address }) => said.tested(address) })
  const remove = useChange(changes.removeRecipient, { done: said.removed(address) })
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
            <Button size="compact-sm" variant="default" onClick={() => setAsked(true)} aria-label={`${said.remove}: ${address}`}>
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
      <Failed error={test.error ?? remove.error} theirs={() => queries.invalidateQueries()} />
      <AskFirst
        opened={asked}
        title={said.removeTitle(address)}
        yes={said.remove}
        danger
        onYes={() => {
          setAsked(false)
          remove.mutate(id)
        }}
        onNo={() => setAsked(false)}
      >
        {said.removeText} {kind === 'webhook' && said.removeWebhookText}
      </AskFirst>
    </>
  )
}

function NewRecipient() {
  const queries = useQueryClient()
  const form = useForm({
    initialValues: { to: '' },
    validate: { to: (value) => (/^https:\/\/\S+$|^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value.trim()) ? null : said.addressNeeded) },
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
      <Failed
        error={add.error}
        theirs={() => {
          add.reset()
          queries.invalidateQueries()
        }}
      />
      {add.data?.secret !== undefined && (
        <div style={{ marginTop: 12 }}>
          <Note title={said.secret}>
            <Code>{add.data.secret}</Code>
          </Note>
        </div>
      )}
    </form>
  )
}

const zones = Intl.supportedValuesOf('timeZone')

type Schedule = Omit<Digest, 'version'>
const hourText = (hour: number) => `${String(hour).padStart(2, '0')}:00`
/** What a schedule says, part by part. */
const says: { [Name in keyof Schedule]: [label: string, text: (schedule: Schedule) => string] } = {
  enabled: [said.digest, ({ enabled }) => (enabled ? said.on : said.off)],
  weekday: [said.weekday, ({ weekday }) => said.weekdays[weekday - 1] ?? ''],
  hour: [said.hour, ({ hour }) => hourText(hour)],
  timeZone: [said.timeZone, ({ timeZone }) => timeZone],
}
const differing = (before: Schedule, now: Schedule) =>
  (Object.keys(says) as (keyof Schedule)[]).filter((name) => before[name] !== now[name])

function WhenDigest({ version, ...saved }: Digest) {
  const draft = useDraft<Schedule>({ version, value: saved }, 'digest')
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
          data={Array.from({ length: 24 }, (_, value) => ({ value: String(value), label: hourText(value) }))}
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
        // What was not changed here stays as somebody else may have changed it.
        bodyOf={(version) => ({
          version,
          ...Object.fromEntries(differing(draft.base, draft.value).map((name) => [name, draft.value[name]])),
        })}
        differences={(before, now) =>
          differing(before, now).map((name) => {
            const [label, text] = says[name]
            return words.conflict.difference(label, text(before), text(now))
          })
        }
      />
    </>
  )
}
