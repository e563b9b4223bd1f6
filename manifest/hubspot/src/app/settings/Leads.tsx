import { Alert, Button, Flex, Form, Heading, Input, Select, Text, Toggle, ToggleGroup } from '@hubspot/ui-extensions'
import { useState } from 'react'
import type { CrmSettings, Field, FieldSample, LeadRules, TriedRules } from './shared/answers.ts'
import { Failed } from './shared/failed.tsx'
import { here } from './shared/here.ts'
import { Shown } from './shared/shown.tsx'
import { useChange } from './shared/use-change.ts'
import { type Read, useApi, useRead, useTry } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { words } from './shared/words.ts'

const { leads: text } = here

type Rules = LeadRules['rules']
type FieldRule = Rules['consent'][number]
const NO_FIELD = ''

/** Which leads count, how they are recognised, and what may be sent of them. */
export function Leads() {
  const rules = useRead<LeadRules>('/rules')
  const settings = useRead<CrmSettings>('/crm-settings')
  const fields = useRead<Field[]>('/fields')
  return (
    <Flex direction="column" gap="large">
      <Text>{text.text}</Text>
      <Shown read={fields}>
        {(all) => (
          <>
            <Shown read={rules}>{(data) => <RulesForm answer={data} read={rules} fields={all} />}</Shown>
            <Shown read={settings}>{(data) => <LeadIdField answer={data} read={settings} fields={all} />}</Shown>
          </>
        )}
      </Shown>
    </Flex>
  )
}

function RulesForm({ answer, read, fields }: { answer: LeadRules; read: Read<LeadRules>; fields: Field[] }) {
  const api = useApi()
  const change = useChange()
  const tried = useTry<TriedRules>('/rules/try')
  const { admin } = useVisitor()
  const [draft, setDraft] = useState<Partial<Rules>>({})
  const rules = { ...answer.rules, ...draft }
  const put = (given: Partial<Rules>) => setDraft({ ...draft, ...given })
  const leave = () => {
    setDraft({})
    change.forget()
    read.again()
    tried.again()
  }
  const save = async (version: string) => api.change('PUT', '/rules', { version, rules: draft })
  const mine = () =>
    change.make(() => api.read<LeadRules>('/rules').then(({ version }) => save(version)), { done: text.saved, after: leave })
  return (
    <Form onSubmit={() => change.make(() => save(answer.version), { done: text.saved, after: leave })}>
      <Flex direction="column" gap="medium">
        <ToggleGroup
          toggleType="radioButtonList"
          label={text.which}
          name="whichLeads"
          value={rules.whichLeads}
          options={Object.entries(text.choices).map(([value, label]) => ({ value, label, readonly: !admin }))}
          onChange={(value: string) => put({ whichLeads: value as Rules['whichLeads'] })}
        />
        {rules.whichLeads === 'anyone' && <Alert title={text.anyone} variant="warning" />}
        {tried.data !== undefined && <Text>{here.start.counting(tried.data.counting[rules.whichLeads], tried.data.people)}</Text>}
        <OneRule
          label={text.source}
          name="source"
          rules={rules.confirmedSources}
          fields={fields}
          put={(confirmedSources) => put({ confirmedSources })}
        />
        <OneRule label={text.consent} name="consent" rules={rules.consent} fields={fields} put={(consent) => put({ consent })} />
        <Select
          label={text.limited}
          name="limitedDataUse"
          readOnly={!admin}
          value={rules.limitedDataUse}
          options={Object.entries(text.limitedChoices).map(([value, label]) => ({ value, label }))}
          onChange={(value) => put({ limitedDataUse: value as Rules['limitedDataUse'] })}
        />
        <Toggle
          label={text.write}
          name="writeLeadId"
          readonly={!admin}
          checked={rules.writeLeadId}
          onChange={(writeLeadId) => put({ writeLeadId })}
        />
        <Failed error={change.error} theirs={leave} mine={mine} />
        {admin && (
          <Flex gap="small">
            <Button variant="primary" type="submit" disabled={Object.keys(draft).length === 0 || change.busy || read.busy}>
              {words.unsaved.save}
            </Button>
            {Object.keys(draft).length > 0 && (
              <Button variant="secondary" onClick={leave}>
                {words.unsaved.discard}
              </Button>
            )}
          </Flex>
        )}
      </Flex>
    </Form>
  )
}

interface OneRuleProps {
  label: string
  name: string
  rules: FieldRule[]
  fields: Field[]
  put: (rules: FieldRule[]) => void
}

/** One field and what it has to hold; lists that were set elsewhere are left as they are. */
function OneRule({ label, name, rules, fields, put }: OneRuleProps) {
  const { admin } = useVisitor()
  const [rule] = rules
  if (rules.length > 1 || (rule !== undefined && !('equals' in rule)))
    return (
      <Flex direction="column" gap="extra-small">
        <Text format={{ fontWeight: 'demibold' }}>{label}</Text>
        <Text>{text.many}</Text>
      </Flex>
    )
  return (
    <Flex gap="small">
      <Select
        label={label}
        name={name}
        readOnly={!admin}
        value={rule?.field ?? NO_FIELD}
        options={[{ value: NO_FIELD, label: text.noField }, ...optionsOf(fields)]}
        onChange={(field) => put(field === NO_FIELD ? [] : [{ field: String(field), equals: rule?.equals ?? '' }])}
      />
      {rule !== undefined && (
        <Input
          label={text.value}
          name={`${name}-value`}
          readOnly={!admin}
          value={rule.equals}
          onInput={(equals) => put([{ field: rule.field, equals }])}
        />
      )}
    </Flex>
  )
}

const optionsOf = (fields: Field[]) => fields.map(({ name, label }) => ({ value: name, label: `${label} (${name})` }))

/** The property that holds the Meta lead id, with what it holds of real people. */
function LeadIdField({ answer, read, fields }: { answer: CrmSettings; read: Read<CrmSettings>; fields: Field[] }) {
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  const field = String(answer.settings.leadIdField ?? '')
  const samples = useRead<FieldSample[]>(`/fields/samples?${new URLSearchParams({ names: field })}`)
  const choose = (leadIdField: string) =>
    change.make(() => api.change('PUT', '/crm-settings', { version: answer.version, settings: { leadIdField } }), {
      done: text.saved,
      after: read.again,
    })
  const isThere = fields.some(({ name }) => name === field)
  const candidates = fields.filter(({ type }) => type === 'text')
  return (
    <Flex direction="column" gap="small" align="start">
      <Heading>{text.leadId}</Heading>
      <Failed error={change.error} theirs={read.again} />
      <Select
        label={text.fieldOf}
        name="leadIdField"
        readOnly={!admin || change.busy}
        value={field}
        options={isThere ? optionsOf(candidates) : [{ value: field, label: field }, ...optionsOf(candidates)]}
        onChange={(value) => choose(String(value))}
      />
      {!isThere && admin && (
        <Button
          variant="secondary"
          disabled={change.busy}
          onClick={() => change.make(() => api.change('POST', '/lead-id-field'), { done: text.created(field), after: read.again })}
        >
          {text.createLeadId}
        </Button>
      )}
      <Shown read={samples}>
        {(people) => {
          const held = people.flatMap(({ values }) => values[field] ?? [])
          return <Text>{held.length === 0 ? text.noSamples : `${text.samples}: ${held.join(', ')}`}</Text>
        }}
      </Shown>
    </Flex>
  )
}
