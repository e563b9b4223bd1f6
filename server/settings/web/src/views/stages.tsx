import { Badge, Button, Group, Select, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { ApiError } from '../api/client.ts'
import { changes, type Mapping, resources, type Stages as StagesData } from '../api/resources.ts'
import { AskFirst } from '../parts/ask-first.tsx'
import { Card } from '../parts/card.tsx'
import { ForAdmins } from '../parts/for-admins.tsx'
import { KeepChanges } from '../parts/keep-changes.tsx'
import { Note } from '../parts/note.tsx'
import { useSay } from '../parts/say.tsx'
import { Shown } from '../parts/shown.tsx'
import { useChange } from '../parts/use-change.ts'
import { useDraft } from '../parts/use-draft.ts'
import { View } from '../parts/view.tsx'
import { words } from '../words.ts'
import { BothChanges } from './stages/both-changes.tsx'
import { isReported, isWhole, keyOf, mappingOf, removeLine, reportLine } from './stages/draft.ts'
import { History } from './stages/history.tsx'
import { Reported } from './stages/reported.tsx'
import { Suitability } from './stages/suitability.tsx'

const said = words.stages

export function Stages() {
  const stages = useQuery(resources.stages)
  return (
    <View title={said.title} text={said.text}>
      <Shown query={stages} lines={8}>
        {(data) => <Editor {...data} />}
      </Shown>
      <Suitability />
    </View>
  )
}

function Editor(saved: StagesData) {
  const queries = useQueryClient()
  const say = useSay()
  const draft = useDraft<Mapping>({ version: saved.version, value: mappingOf(saved) }, 'stages')
  const mapping = draft.value
  const save = useChange(changes.saveMapping, { done: said.saved, after: draft.discard })
  const states = new Map(saved.stages.map((line) => [keyOf(line), line.state]))
  const propose = useChange(() => queries.fetchQuery({ ...resources.proposal, staleTime: 0 }), { done: said.proposed, after: draft.set })
  const gone = mapping.stages.filter((line) => line.eventName !== null && ['vanished', 'archived'].includes(states.get(keyOf(line)) ?? ''))
  const isRename = save.error instanceof ApiError && save.error.code === 'mapping_renames_sent'

  return (
    <>
      {saved.problem !== null && (
        <Note mood="warn" title={said.noCrm}>
          {saved.problem}
        </Note>
      )}
      {gone.length > 0 && <Note mood="warn" title={said.vanishedText(gone.length)} />}
      {saved.unmapped.length > 0 && <Note title={said.unmapped(saved.unmapped.length)} />}
      <ForAdmins>
        <Card
          title={said.reported}
          text={said.reportedText}
          aside={
            <Button size="xs" variant="default" loading={propose.isPending} onClick={() => propose.mutate(undefined)}>
              {said.propose}
            </Button>
          }
        >
          {propose.error && <Note mood="bad">{propose.error.message}</Note>}
          {!mapping.stages.some(isReported) && <Note title={said.none}>{said.noneText}</Note>}
          <Reported mapping={mapping} states={states} onChange={draft.set} />
        </Card>
        <NotReported saved={saved} mapping={mapping} onChange={draft.set} />
        {isOutdated(save.error) ? (
          <BothChanges
            key={save.submittedAt}
            draft={draft}
            error={save.error}
            onBoth={(version, both) => {
              draft.rebase(version, both)
              save.mutate({ version, mapping: both.value })
            }}
            onTheirs={() => {
              save.reset()
              draft.discard()
              queries.invalidateQueries()
            }}
          />
        ) : (
          <KeepChanges
            draft={draft}
            save={save}
            latest={resources.stages}
            bodyOf={(version) => ({ version, mapping })}
            ready={isWhole(mapping)}
            error={isRename ? null : save.error}
          />
        )}
        <History
          onTake={(version, taken) => {
            draft.set(taken)
            say(said.taken(version))
            window.scrollTo({ top: 0 })
          }}
        />
      </ForAdmins>
      <AskFirst
        opened={isRename}
        title={said.rename}
        yes={said.renameYes}
        onYes={() => save.mutate({ version: draft.version, mapping, confirmed: true })}
        onNo={save.reset}
      >
        {save.error?.message}
      </AskFirst>
    </>
  )
}

const isOutdated = (error: Error | null): error is ApiError => error instanceof ApiError && error.code === 'outdated'

/** The stages that Meta is not told of: switched off or new, and those that are lost, folded away. */
function NotReported({ saved, mapping, onChange }: { saved: StagesData; mapping: Mapping; onChange: (next: Mapping) => void }) {
  const [source, setSource] = useState<string | null>(null)
  const groups = saved.groups.map(({ label, ...group }) => ({ label, value: JSON.stringify([group.source, group.pipelineId ?? '']) }))
  const inMapping = new Set(mapping.stages.map(keyOf))
  const groupOf = (line: { source: string; pipelineId?: string | undefined }) => JSON.stringify([line.source, line.pipelineId ?? ''])
  const off = [
    ...saved.unmapped.filter((line) => !inMapping.has(keyOf(line))).map((line) => ({ ...line, isNew: true })),
    ...mapping.stages.filter(({ eventName, negative }) => eventName === null && !negative).map((line) => ({ ...line, isNew: false })),
  ].filter((line) => source === null || groupOf(line) === source)
  const negative = mapping.stages.filter((line) => line.negative)
  const nameOf = (line: { source: string; pipelineId?: string | undefined }) => groups.find(({ value }) => value === groupOf(line))?.label

  return (
    <Card title={said.off_} text={said.offText}>
      {groups.length > 1 && (
        <Select
          label={said.source}
          placeholder={said.allSources}
          data={groups}
          value={source}
          onChange={setSource}
          clearable
          clearButtonProps={{ 'aria-label': said.allSources }}
          maw={320}
          mb="sm"
        />
      )}
      {off.length === 0 && (
        <Text size="sm" c="dimmed">
          {said.offEmpty}
        </Text>
      )}
      <ul className="lines">
        {off.map((line) => (
          <li key={keyOf(line)}>
            <Group justify="space-between" gap="xs">
              <div>
                <Text component="span">{line.label || line.stageId}</Text>{' '}
                {line.isNew && (
                  <Badge variant="outline" color="gray" tt="none" classNames={{ label: 'warn' }}>
                    {said.isNew}
                  </Badge>
                )}
                <Text size="xs" c="dimmed">
                  {nameOf(line)}
                </Text>
              </div>
              <Button
                size="xs"
                variant="default"
                aria-label={said.reportOf(line.label || line.stageId)}
                onClick={() => onChange(reportLine(mapping, line))}
              >
                {said.report}
              </Button>
            </Group>
          </li>
        ))}
      </ul>
      {negative.length > 0 && (
        <details style={{ marginTop: 12 }}>
          <summary>{said.negative(negative.length)}</summary>
          <Text size="sm" c="dimmed" mt="xs">
            {said.negativeText}
          </Text>
          <ul className="lines">
            {negative.map((line) => (
              <li key={keyOf(line)}>
                <Group justify="space-between">
                  <span>{line.label || line.stageId}</span>
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    aria-label={`${said.remove}: ${line.label || line.stageId}`}
                    onClick={() => onChange(removeLine(mapping, line))}
                  >
                    {said.remove}
                  </Button>
                </Group>
              </li>
            ))}
          </ul>
        </details>
      )}
    </Card>
  )
}
