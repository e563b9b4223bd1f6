import { Button, Group } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { changes, type Rules, resources } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { words } from '../../words.ts'
import { RuleList } from '../leads/rule-list.tsx'

const said = words.start

/** Whether the CRM says who agreed. There is no default: somebody has to know. */
export function ConsentStep() {
  const rules = useQuery(resources.rules)
  const [changed, setChanged] = useState<Partial<Pick<Rules, 'consent' | 'optOut'>>>()
  const answer = useChange(changes.answerFirstRun)
  const save = useChange(async ({ version, rules: given }: { version: string; rules: Partial<Rules> }) => {
    await changes.saveRules({ version, rules: given })
    return changes.answerFirstRun({ step: 'consent', answer: 'by_rule' })
  })
  return (
    <Shown query={rules}>
      {({ version, rules: saved }) => {
        const { consent, optOut } = { ...saved, ...changed }
        return (
          <ForAdmins>
            <Group gap="xs">
              <Button variant="default" loading={answer.isPending} onClick={() => answer.mutate({ step: 'consent', answer: 'not_needed' })}>
                {said.consent.not_needed}
              </Button>
              <Button variant="default" aria-expanded={changed !== undefined} onClick={() => setChanged((now) => now ?? {})}>
                {said.consent.by_rule}
              </Button>
            </Group>
            {changed !== undefined && (
              <div className="stack" style={{ marginTop: 16 }}>
                <RuleList
                  title={words.leads.consent}
                  text={words.leads.consentText}
                  rules={consent}
                  onChange={(next) => setChanged({ ...changed, consent: next })}
                />
                <RuleList
                  title={words.leads.optOut}
                  text={words.leads.optOutText}
                  rules={optOut}
                  onChange={(next) => setChanged({ ...changed, optOut: next })}
                />
                <Button
                  disabled={consent.length + optOut.length === 0}
                  loading={save.isPending}
                  onClick={() => save.mutate({ version, rules: { consent, optOut } })}
                >
                  {said.consentYes}
                </Button>
              </div>
            )}
            <Failed error={answer.error ?? save.error} theirs={() => setChanged(undefined)} />
          </ForAdmins>
        )
      }}
    </Shown>
  )
}
