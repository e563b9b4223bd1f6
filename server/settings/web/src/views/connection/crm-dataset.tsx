import { Button, Group, Radio, Text } from '@mantine/core'
import { useState } from 'react'
import { changes, type Dataset } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { useChange } from '../../parts/use-change.ts'
import { words } from '../../words.ts'

const said = words.connection
type Answer = NonNullable<Dataset['crmDataset']>
export const crmAnswers = Object.entries(said.isCrmChoices) as [Answer, string][]

/** Whether a dataset is one for CRM events, which only people can see, at Meta. */
export function CrmDataset({ dataset: { id, crmDataset }, onSaved }: { dataset: Dataset; onSaved: () => void }) {
  const [answer, setAnswer] = useState(crmDataset)
  const save = useChange(changes.answerCrmDataset, { done: said.crmDone, after: onSaved })
  return (
    <>
      <Radio.Group
        label={said.isCrm}
        description={said.isCrmText}
        value={answer}
        onChange={(value) => setAnswer(crmAnswers.find(([name]) => name === value)?.[0] ?? null)}
      >
        <Group mt="xs">
          {crmAnswers.map(([value, label]) => (
            <Radio key={value} value={value} label={label} />
          ))}
        </Group>
      </Radio.Group>
      {answer !== 'yes' && (
        <Text size="sm" mt="md">
          {said.crmHow}
        </Text>
      )}
      <Failed error={save.error} />
      <Group justify="flex-end" mt="md">
        <Button disabled={answer === null} loading={save.isPending} onClick={() => answer !== null && save.mutate({ id, answer })}>
          {words.unsaved.save}
        </Button>
      </Group>
    </>
  )
}
