import { Button, Group } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { changes, type FirstRun, type Rules, resources } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { FixButton } from '../../parts/fix-button.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { words } from '../../words.ts'
import { Findings } from '../connection/findings.tsx'
import { WhichLeads } from '../leads/which-leads.tsx'

const said = words.start

/** What the CRM account is missing. */
export function RightsStep({ findings }: FirstRun) {
  const queries = useQueryClient()
  const [busy, setBusy] = useState(false)
  return (
    <>
      {findings && <Findings findings={findings} />}
      <Group gap="xs">
        <Button
          size="xs"
          loading={busy}
          onClick={async () => {
            setBusy(true)
            await queries.invalidateQueries(resources.firstRun)
            setBusy(false)
          }}
        >
          {said.again}
        </Button>
        <FixButton action="reconnect" subject="" />
      </Group>
    </>
  )
}

export function OthersStep() {
  const answer = useChange(changes.answerFirstRun)
  return (
    <ForAdmins>
      <Group gap="xs">
        {Object.entries(said.others).map(([value, label]) => (
          <Button
            key={value}
            variant="default"
            loading={answer.isPending && answer.variables.answer === value}
            onClick={() => answer.mutate({ step: 'others', answer: value })}
          >
            {label}
          </Button>
        ))}
      </Group>
      <Failed error={answer.error} />
    </ForAdmins>
  )
}

/** Which leads count, with real counts; what was chosen is saved with the answer. */
export function LeadsStep() {
  const rules = useQuery(resources.rules)
  const [chosen, setChosen] = useState<Rules['whichLeads']>()
  const save = useChange(async ({ version, whichLeads }: { version: string; whichLeads: Rules['whichLeads'] | undefined }) => {
    if (whichLeads !== undefined) await changes.saveRules({ version, rules: { whichLeads } })
    return changes.answerFirstRun({ step: 'leads', answer: 'confirmed' })
  })
  return (
    <Shown query={rules}>
      {({ version, rules: saved }) => (
        <ForAdmins>
          <WhichLeads rules={{ ...saved, whichLeads: chosen ?? saved.whichLeads }} onChange={setChosen} />
          <Failed error={save.error} theirs={() => setChosen(undefined)} />
          <Button mt="md" loading={save.isPending} onClick={() => save.mutate({ version, whichLeads: chosen })}>
            {said.leadsYes}
          </Button>
        </ForAdmins>
      )}
    </Shown>
  )
}

export function SkipBackfill() {
  const answer = useChange(changes.answerFirstRun)
  return (
    <ForAdmins>
      <Button mt="sm" variant="subtle" loading={answer.isPending} onClick={() => answer.mutate({ step: 'backfill', answer: 'skipped' })}>
        {said.skip}
      </Button>
      <Failed error={answer.error} />
    </ForAdmins>
  )
}
