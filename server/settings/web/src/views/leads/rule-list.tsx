import { ActionIcon, Button, Group, Select, Text, TextInput, Title } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Rules, resources } from '../../api/resources.ts'
import { words } from '../../words.ts'

const said = words.leads
type Rule = Rules['consent'][number]

/** Rules that name a field of the CRM and what it has to hold. */
export function RuleList({
  title,
  text,
  rules,
  onChange,
}: {
  title: string
  text: string
  rules: readonly Rule[]
  onChange: (rules: Rule[]) => void
}) {
  const [adding, setAdding] = useState(false)
  const labels = useFieldLabels()
  return (
    <div>
      <Title order={3}>{title}</Title>
      <Text size="sm" c="dimmed">
        {text}
      </Text>
      {rules.length === 0 && !adding && (
        <Text size="sm" mt={4}>
          {said.noRules}
        </Text>
      )}
      <ul className="lines">
        {rules.map((rule) => {
          const words = ruleText(rule, labels)
          return (
            <li key={words}>
              <Group justify="space-between" wrap="nowrap">
                <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                  {words}
                </Text>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={said.remove(words)}
                  onClick={() => onChange(rules.filter((one) => one !== rule))}
                >
                  <IconX size={16} />
                </ActionIcon>
              </Group>
            </li>
          )
        })}
      </ul>
      {adding ? (
        <NewRule
          onAdd={(rule) => {
            onChange([...rules, rule])
            setAdding(false)
          }}
          onCancel={() => setAdding(false)}
        />
      ) : (
        <Button size="xs" variant="default" mt="xs" aria-label={said.addRuleTo(title)} onClick={() => setAdding(true)}>
          {said.addRule}
        </Button>
      )}
    </div>
  )
}

function ruleText(rule: Rule, labels: ReadonlyMap<string, string>): string {
  const field = labels.get(rule.field) ?? rule.field
  return 'equals' in rule ? said.rule(field, said.equals, rule.equals) : said.rule(field, said.startsWith, rule.startsWith)
}

function useFieldLabels(): ReadonlyMap<string, string> {
  const { data = [] } = useQuery({ ...resources.fields, staleTime: 300_000 })
  return new Map(data.map(({ name, label }) => [name, label]))
}

/** Fields of the CRM to choose from, each once. */
export function useFieldChoices(): { value: string; label: string }[] {
  return [...useFieldLabels()].map(([value, label]) => ({ value, label: label === value ? value : `${label} (${value})` }))
}

const hows = { equals: said.equals, startsWith: said.startsWith }

function NewRule({ onAdd, onCancel }: { onAdd: (rule: Rule) => void; onCancel: () => void }) {
  const fields = useFieldChoices()
  const [field, setField] = useState<string | null>(null)
  const [how, setHow] = useState<string | null>('equals')
  const [value, setValue] = useState('')
  return (
    <Group gap="xs" align="flex-end" mt="xs">
      <Select label={said.field} data={fields} value={field} onChange={setField} searchable data-autofocus />
      <Select
        label={said.how}
        data={Object.entries(hows).map(([value, label]) => ({ value, label }))}
        value={how}
        onChange={setHow}
        allowDeselect={false}
        w={140}
      />
      <TextInput label={said.value} value={value} onChange={({ currentTarget }) => setValue(currentTarget.value)} />
      <Button
        disabled={field === null || value.trim() === ''}
        onClick={() => field !== null && onAdd(how === 'equals' ? { field, equals: value.trim() } : { field, startsWith: value.trim() })}
      >
        {said.take}
      </Button>
      <Button variant="default" onClick={onCancel}>
        {words.cancel}
      </Button>
    </Group>
  )
}
