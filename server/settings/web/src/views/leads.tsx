import { Radio, Stack, Switch, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, type LeadRules, type Rules, resources } from '../api/resources.ts'
import { Card } from '../parts/card.tsx'
import { ForAdmins } from '../parts/for-admins.tsx'
import { KeepChanges } from '../parts/keep-changes.tsx'
import { Shown } from '../parts/shown.tsx'
import { useChange } from '../parts/use-change.ts'
import { useDraft } from '../parts/use-draft.ts'
import { View } from '../parts/view.tsx'
import { words } from '../words.ts'
import { changed } from './leads/changed.ts'
import { ImportLeads } from './leads/import-leads.tsx'
import { Recognise } from './leads/recognise.tsx'
import { RuleList } from './leads/rule-list.tsx'
import { WhichLeads } from './leads/which-leads.tsx'

const said = words.leads
const switches = Object.entries(said.switches) as [keyof typeof said.switches, [string, string]][]
const titles: Partial<Record<keyof Rules, string>> = {
  ...{ whichLeads: said.which, confirmedSources: said.sources, consent: said.consent, optOut: said.optOut },
  ...{ limitedDataUse: said.limited, defaultCountry: said.country },
  ...Object.fromEntries(switches.map(([name, [label]]) => [name, label])),
}

const isCountry = (code: string | undefined) => code === undefined || /^[A-Z]{2}$/.test(code)

export function Leads() {
  const rules = useQuery(resources.rules)
  return (
    <View title={said.title} text={said.text}>
      <Shown query={rules} lines={8}>
        {(data) => <Editor {...data} />}
      </Shown>
      <Recognise />
      <ImportLeads />
    </View>
  )
}

function Editor(saved: LeadRules) {
  const draft = useDraft({ version: saved.version, value: saved.rules }, 'rules')
  const rules = draft.value
  const set = (change: Partial<Rules>) => draft.set({ ...rules, ...change })
  const save = useChange(changes.saveRules, { done: said.saved, after: draft.discard })
  return (
    <ForAdmins>
      <Card title={said.which} text={said.whichText}>
        <WhichLeads
          rules={isCountry(rules.defaultCountry) ? rules : { ...rules, defaultCountry: undefined }}
          onChange={(whichLeads) => set({ whichLeads })}
        />
        {rules.whichLeads === 'meta_leads' && (
          <div style={{ marginTop: 20 }}>
            <RuleList
              title={said.sources}
              text={said.sourcesText}
              rules={rules.confirmedSources}
              onChange={(confirmedSources) => set({ confirmedSources })}
            />
          </div>
        )}
      </Card>
      <div className="columns" style={{ marginTop: 16 }}>
        <section className="card">
          <RuleList title={said.consent} text={said.consentText} rules={rules.consent} onChange={(consent) => set({ consent })} />
        </section>
        <section className="card">
          <RuleList title={said.optOut} text={said.optOutText} rules={rules.optOut} onChange={(optOut) => set({ optOut })} />
        </section>
        <Card title={said.limited} text={said.limitedText}>
          <Radio.Group
            aria-label={said.limited}
            value={rules.limitedDataUse}
            onChange={(value) => set({ limitedDataUse: value as Rules['limitedDataUse'] })}
          >
            <Stack gap="xs">
              {Object.entries(said.limitedChoices).map(([value, label]) => (
                <Radio key={value} value={value} label={label} />
              ))}
            </Stack>
          </Radio.Group>
        </Card>
        <Card title={said.more}>
          <Stack gap="sm">
            {switches.map(([name, [label, description]]) => (
              <Switch
                key={name}
                label={label}
                description={description}
                checked={rules[name]}
                onChange={({ currentTarget: { checked } }) => set({ [name]: checked })}
              />
            ))}
            <TextInput
              label={said.country}
              description={said.countryText}
              maxLength={2}
              value={rules.defaultCountry ?? ''}
              error={isCountry(rules.defaultCountry) ? undefined : said.countryWrong}
              onChange={({ currentTarget: { value } }) => set({ defaultCountry: value.toUpperCase() || undefined })}
              maw={280}
            />
          </Stack>
        </Card>
      </div>
      <KeepChanges
        draft={draft}
        save={save}
        ready={isCountry(rules.defaultCountry)}
        latest={resources.rules}
        bodyOf={(version) => ({ version, rules: changed(draft.base, rules) })}
        differences={(before, now) => Object.keys(changed(before, now.rules)).map((name) => titles[name as keyof Rules] ?? name)}
      />
    </ForAdmins>
  )
}
