import { Button, Flex, Heading, Input, Select, Text } from '@hubspot/ui-extensions'
import { useState } from 'react'
import type { Field, LeadRules } from './shared/answers.ts'
import { useVisitor } from './shared/visitor.ts'
import { words } from './shared/words.ts'

const { leads: said } = words

type FieldRule = LeadRules['rules']['consent'][number]

interface Rules {
  /** Of the inputs. */
  name: string
  title: string
  text: string
  rules: readonly FieldRule[]
  fields: readonly Field[]
  put: (rules: FieldRule[]) => void
}

/** Rules that name a field of the CRM and what it has to hold: as many as it takes. */
export function RuleList({ name, title, text, rules, fields, put }: Rules) {
  const { admin } = useVisitor()
  const labels = new Map(fields.map(({ name, label }) => [name, label]))
  return (
    <Flex direction="column" gap="extra-small">
      <Heading>{title}</Heading>
      <Text>{text}</Text>
      {rules.length === 0 && <Text variant="microcopy">{said.noRules}</Text>}
      {rules.map((rule) => {
        const words = textOf(rule, labels)
        return (
          <Flex key={words} gap="small" align="center">
            <Text>{words}</Text>
            {admin && (
              <Button size="extra-small" onClick={() => put(rules.filter((one) => one !== rule))}>
                {said.remove(words)}
              </Button>
            )}
          </Flex>
        )
      })}
      {admin && (
        <NewRule name={name} title={title} labels={labels} add={(rule) => put([...rules.filter((one) => !isSame(one, rule)), rule])} />
      )}
    </Flex>
  )
}

const textOf = (rule: FieldRule, labels: ReadonlyMap<string, string>): string => {
  const field = labels.get(rule.field) ?? rule.field
  return 'equals' in rule ? said.rule(field, said.equals, rule.equals) : said.rule(field, said.startsWith, rule.startsWith)
}

const isSame = (a: FieldRule, b: FieldRule): boolean => JSON.stringify(a) === JSON.stringify(b)

const hows = [
  { value: 'equals', label: said.equals },
  { value: 'startsWith', label: said.startsWith },
]

interface New {
  name: string
  title: string
  labels: ReadonlyMap<string, string>
  add: (rule: FieldRule) => void
}

function NewRule({ name, title, labels, add }: New) {
  const [field, setField] = useState<string>()
  const [how, setHow] = useState('equals')
  const [value, setValue] = useState('')
  const held = value.trim()
  const take = () => {
    if (field === undefined) return
    add(how === 'equals' ? { field, equals: held } : { field, startsWith: held })
    setField(undefined)
    setValue('')
  }
  return (
    <Flex gap="small" align="end">
      <Select
        label={said.field}
        name={`${name}/field`}
        value={field}
        options={[...labels].map(([value, label]) => ({ value, label: `${label} (${value})` }))}
        onChange={(value) => setField(String(value))}
      />
      <Select label={said.how} name={`${name}/how`} value={how} options={hows} onChange={(value) => setHow(String(value))} />
      <Input label={said.value} name={`${name}/value`} value={value} onInput={setValue} />
      <Button variant="secondary" size="small" disabled={field === undefined || held === ''} onClick={take}>
        {said.addRuleTo(title)}
      </Button>
    </Flex>
  )
}
