import { Accordion, Alert, Button, Flex, Form, Heading, Input, Select, Text, Toggle, ToggleGroup } from '@hubspot/ui-extensions'
import { useMemo } from 'react'
import { RuleList } from './RuleList.tsx'
import type { CrmSettings, Field, FieldSample, LeadRules, TriedRules } from './shared/answers.ts'
import { Failed } from './shared/failed.tsx'
import { here } from './shared/here.ts'
import { KeepChanges } from './shared/keep-changes.tsx'
import { Shown } from './shared/shown.tsx'
import { useChange } from './shared/use-change.ts'
import { useDraft } from './shared/use-draft.ts'
import { type Read, useApi, useRead, useTry } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { words } from './shared/words.ts'

const { leads: text } = here

type Rules = LeadRules['rules']

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

const splitOf = ({ version, rules }: LeadRules) => ({ version, value: rules })

function RulesForm({ answer, read, fields }: { answer: LeadRules; read: Read<LeadRules>; fields: Field[] }) {
  const api = useApi()
  const { admin } = useVisitor()
  const draft = useDraft<Rules>({
    read,
    ...splitOf(answer),
    send: (version, changed) => api.change('PUT', '/rules', { version, rules: cleared(changed) }),
    latest: async () => splitOf(await api.read<LeadRules>('/rules')),
    done: words.leads.saved,
  })
  const { value: rules, changed, put } = draft
  const asked = useMemo(() => ({ rules: cleared(changed) }), [changed])
  const tried = useTry<TriedRules>('/rules/try', asked)
  const list = (name: 'confirmedSources' | 'consent' | 'optOut', title: string, text: string) => (
    <RuleList name={name} title={title} text={text} rules={rules[name]} fields={fields} put={(list) => put({ [name]: list })} />
  )
  return (
    <Form onSubmit={draft.save}>
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
        {rules.whichLeads === 'meta_leads' && list('confirmedSources', words.leads.sources, words.leads.sourcesText)}
        {list('consent', words.leads.consent, words.leads.consentText)}
        {list('optOut', words.leads.optOut, words.leads.optOutText)}
        <Select
          label={text.limited}
          name="limitedDataUse"
          readOnly={!admin}
          value={rules.limitedDataUse}
          options={Object.entries(text.limitedChoices).map(([value, label]) => ({ value, label }))}
          onChange={(value) => put({ limitedDataUse: value as Rules['limitedDataUse'] })}
        />
        <Accordion title={words.leads.more}>
          <Flex direction="column" gap="small">
            {switches.map(([name, [label, description]]) => (
              <Flex key={name} direction="column" gap="flush">
                <Toggle label={label} name={name} readonly={!admin} checked={rules[name]} onChange={(on) => put({ [name]: on })} />
                <Text variant="microcopy">{description}</Text>
              </Flex>
            ))}
            <Input
              label={words.leads.country}
              description={words.leads.countryText}
              name="defaultCountry"
              readOnly={!admin}
              value={rules.defaultCountry ?? ''}
              onInput={(country) => put({ defaultCountry: country.trim().toUpperCase() || undefined })}
            />
          </Flex>
        </Accordion>
        {admin && <KeepChanges draft={draft} primary />}
      </Flex>
    </Form>
  )
}

const switches = Object.entries(words.leads.switches) as [keyof typeof words.leads.switches, [string, string]][]

/** A rule that is taken back to its default is sent as null. */
const cleared = (changed: Partial<Rules>) => Object.fromEntries(Object.entries(changed).map(([name, value]) => [name, value ?? null]))

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
