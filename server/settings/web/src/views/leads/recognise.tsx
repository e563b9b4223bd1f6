import { Button, Group, Select, Table, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type CrmSettings, changes, resources } from '../../api/resources.ts'
import { Card } from '../../parts/card.tsx'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { KeepChanges } from '../../parts/keep-changes.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useDraft } from '../../parts/use-draft.ts'
import { words } from '../../words.ts'
import { changed } from './changed.ts'
import { useFieldChoices } from './rule-list.tsx'

const said = words.leads

interface Property {
  type?: string
  enum?: string[]
  default?: unknown
  description?: string
}

/** The settings of the CRM at hand, drawn from their schema: fields are chosen from those that the account has. */
export function Recognise() {
  const settings = useQuery(resources.crmSettings)
  return (
    <Card title={said.recognise} text={said.recogniseText}>
      <Shown query={settings}>{(data) => <Editor {...data} />}</Shown>
    </Card>
  )
}

function Editor(saved: CrmSettings) {
  const fields = useFieldChoices()
  const draft = useDraft({ version: saved.version, value: saved.settings }, 'crm-settings')
  const save = useChange(changes.saveCrmSettings, { done: said.saved, after: draft.discard })
  const create = useChange(changes.createLeadIdField, { done: ({ name }) => said.created(name) })
  const properties = Object.entries((saved.schema.properties ?? {}) as Record<string, Property>).filter(
    ([, { type, enum: choices }]) => type === 'string' || choices !== undefined,
  )
  const set = (name: string, value: string | null) => draft.set({ ...draft.value, [name]: value === '' ? null : value })
  const shownOf = (name: string, { default: standard }: Property) => String(draft.value[name] ?? standard ?? '')
  const named = properties.filter(([name]) => name.endsWith('Field')).flatMap(([name, property]) => shownOf(name, property) || [])

  return (
    <>
      <ForAdmins>
        <div className="columns">
          {properties.map(([name, property]) => {
            const value = shownOf(name, property)
            const shared = { label: labelOf(name), ...(property.description && { description: capital(property.description) }) }
            if (property.enum)
              return (
                <Select
                  key={name}
                  {...shared}
                  data={property.enum.map((choice) => ({ value: choice, label: said.settingChoices[choice] ?? choice }))}
                  value={value}
                  allowDeselect={false}
                  onChange={(chosen) => set(name, chosen)}
                />
              )
            if (name.endsWith('Field')) {
              const known = fields.some((field) => field.value === value) || value === '' ? fields : [{ value, label: value }, ...fields]
              return (
                <Select
                  key={name}
                  {...shared}
                  data={known}
                  value={value || null}
                  searchable
                  clearable={property.default === undefined}
                  allowDeselect={false}
                  onChange={(chosen) => set(name, chosen)}
                />
              )
            }
            return <TextInput key={name} {...shared} value={value} onChange={({ currentTarget }) => set(name, currentTarget.value)} />
          })}
        </div>
        <Group mt="md">
          <Button size="xs" variant="default" loading={create.isPending} onClick={() => create.mutate(undefined)}>
            {said.createField}
          </Button>
        </Group>
        <Failed error={create.error} />
        <KeepChanges
          draft={draft}
          save={save}
          latest={resources.crmSettings}
          bodyOf={(version) => ({ version, settings: changed(draft.base, draft.value) })}
          differences={(before, now) => Object.keys(changed(before, now.settings)).map(labelOf)}
        />
      </ForAdmins>
      <Samples names={[...new Set(named)]} />
    </>
  )
}

/** What the chosen fields hold of the latest people, so that a wrong choice is seen. */
function Samples({ names }: { names: string[] }) {
  const samples = useQuery(resources.fieldSamples(names))
  return (
    <>
      <Title order={3} mt="lg">
        {said.sample}
      </Title>
      <Text size="sm" c="dimmed" mb="xs">
        {said.sampleText}
      </Text>
      <Shown query={samples} lines={3}>
        {(people) =>
          people.length === 0 ? (
            <Text size="sm">{said.sampleEmpty}</Text>
          ) : (
            <Table.ScrollContainer minWidth={480} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th scope="col">{said.record}</Table.Th>
                    {names.map((name) => (
                      <Table.Th scope="col" key={name}>
                        {name}
                      </Table.Th>
                    ))}
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {people.map(({ ref, values }) => (
                    <Table.Tr key={ref.id}>
                      <Table.Td>{ref.id}</Table.Td>
                      {names.map((name) => (
                        <Table.Td key={name}>
                          {values[name] ?? (
                            <Text span size="sm" c="dimmed">
                              {said.empty}
                            </Text>
                          )}
                        </Table.Td>
                      ))}
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          )
        }
      </Shown>
    </>
  )
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
/** `leadIdField` as people read it. */
const labelOf = (name: string) => capital(name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`))
