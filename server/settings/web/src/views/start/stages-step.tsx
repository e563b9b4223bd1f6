import { Button, Group, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, type Mapping, type Preview, resources, type Stages } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useWhen } from '../../parts/when.ts'
import { words } from '../../words.ts'
import { isReported, mappingOf } from '../stages/draft.ts'
import { Lines } from '../stages/lines.tsx'
import { indent } from './indent.ts'

const said = words.start

/** The stages as they are saved, or as they are proposed where none is; and one real lead as Meta would get it. */
export function StagesStep() {
  const stages = useQuery(resources.stages)
  return (
    <Shown query={stages}>
      {(data) => (data.stages.some(isReported) ? <Confirm {...data} mapping={mappingOf(data)} /> : <Proposed {...data} />)}
    </Shown>
  )
}

function Proposed(stages: Stages) {
  const proposal = useQuery(resources.proposal)
  return <Shown query={proposal}>{(mapping) => <Confirm {...stages} mapping={mapping} isNew />}</Shown>
}

function Confirm({ version, mapping, isNew = false }: { version: string; mapping: Mapping; isNew?: boolean }) {
  const preview = useQuery(resources.preview(isNew ? mapping : undefined))
  const save = useChange(async () => {
    if (isNew) await changes.saveMapping({ version, mapping })
    return changes.answerFirstRun({ step: 'stages', answer: 'confirmed' })
  })
  return (
    <ForAdmins>
      <Lines {...mapping} />
      <Title order={3} mt="md">
        {said.payload}
      </Title>
      <Shown query={preview}>{(data) => <Payload {...data} />}</Shown>
      <Group mt="md" gap="xs">
        <Button loading={save.isPending} onClick={() => save.mutate(undefined)}>
          {said.stagesYes}
        </Button>
        <Button component="a" href="#stages" variant="default">
          {said.stagesChange}
        </Button>
      </Group>
      <Failed error={save.error} />
    </ForAdmins>
  )
}

function Payload({ record, stages }: Preview) {
  const when = useWhen()
  const shown = stages.find(({ event }) => event !== null)
  if (shown === undefined) return <Text size="sm">{stages[0]?.text ?? said.payloadNone}</Text>
  return (
    <>
      <Text size="sm" c="dimmed" mb="xs">
        {said.record(record.type, record.id)} · {when(shown.occurredAt)}
      </Text>
      <textarea className="payload" aria-label={said.payload} readOnly rows={14} value={indent(shown.event ?? '')} />
    </>
  )
}
