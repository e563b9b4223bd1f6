import { MultiSelect, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, type Route, resources, type Stages } from '../../api/resources.ts'
import { KeepChanges } from '../../parts/keep-changes.tsx'
import { Note } from '../../parts/note.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useDraft } from '../../parts/use-draft.ts'
import { words } from '../../words.ts'

const said = words.connection
type Filter = Required<Route['filter']>
type Group = Stages['groups'][number]

const whole = ({ recordTypes = [], pipelineIds = [] }: Route['filter']): Filter => ({ recordTypes, pipelineIds })
const pipelineOf = (groups: readonly Group[], id: string) => groups.find(({ pipelineId }) => pipelineId === id)?.label

/** What a filter lets pass, kind by kind; nothing where that is everything. */
export const kindsOf = (filter: Route['filter'], groups: readonly Group[]): string[] => {
  const { recordTypes, pipelineIds } = whole(filter)
  return [...recordTypes.map(said.recordType), ...pipelineIds.map((id) => pipelineOf(groups, id) ?? id)]
}

/** Which leads of the account go to a dataset: all, or those of some kinds of records and pipelines. */
export function RouteFilter({ route, onSaved }: { route: Route; onSaved: () => void }) {
  const stages = useQuery(resources.stages)
  return (
    <Shown query={stages} lines={2}>
      {({ groups, problem }) => (
        <>
          {problem !== null && <Note mood="warn">{problem}</Note>}
          <Form route={route} groups={groups} onSaved={onSaved} />
        </>
      )}
    </Shown>
  )
}

function Form({ route, groups, onSaved }: { route: Route; groups: readonly Group[]; onSaved: () => void }) {
  const { datasetId, version, filter } = route
  const draft = useDraft<Filter>({ version, value: whole(filter) })
  const save = useChange(changes.saveRoute, { done: said.whichDone, after: onSaved })
  const { recordTypes, pipelineIds } = draft.value
  const latest = async () => (await resources.routes.queryFn()).find((one) => one.datasetId === datasetId) ?? { ...route, filter: {} }
  const textOf = (kinds: string[]) => kinds.join(', ') || said.everything
  const typesText = (of: Filter) => textOf(of.recordTypes.map(said.recordType))
  const pipelinesText = (of: Filter) => textOf(kindsOf({ pipelineIds: of.pipelineIds }, groups))
  return (
    <Stack gap="sm">
      <Text size="sm">{said.whichText}</Text>
      <Choice
        label={said.recordTypes}
        known={new Map(groups.map(({ recordType }) => [recordType, said.recordType(recordType)]))}
        chosen={recordTypes}
        onChange={(chosen) => draft.set({ ...draft.value, recordTypes: chosen })}
      />
      {(pipelineIds.length > 0 || groups.some(({ pipelineId }) => pipelineId !== undefined)) && (
        <Choice
          label={said.pipelines}
          description={said.pipelinesText}
          known={new Map(groups.flatMap(({ pipelineId, label }) => (pipelineId === undefined ? [] : [[pipelineId, label]])))}
          chosen={pipelineIds}
          onChange={(chosen) => draft.set({ ...draft.value, pipelineIds: chosen })}
        />
      )}
      <KeepChanges
        draft={draft}
        save={save}
        latest={{ queryKey: ['/routes', datasetId], queryFn: latest }}
        bodyOf={(version) => ({ datasetId, version, filter: draft.value })}
        differences={(before, now) =>
          [
            [said.mode, said.modes[route.mode], said.modes[now.mode]] as const,
            [said.recordTypes, typesText(before), typesText(whole(now.filter))] as const,
            [said.pipelines, pipelinesText(before), pipelinesText(whole(now.filter))] as const,
          ].flatMap(([what, from, to]) => (from === to ? [] : words.conflict.difference(what, from, to)))
        }
      />
    </Stack>
  )
}

/** What was chosen stays to be seen, also where the CRM does not have it any more. */
function Choice({
  label,
  description,
  known,
  chosen,
  onChange,
}: {
  label: string
  description?: string
  known: ReadonlyMap<string, string>
  chosen: string[]
  onChange: (chosen: string[]) => void
}) {
  const gone = chosen.filter((value) => !known.has(value)).map((value) => ({ value, label: said.notThere(value) }))
  return (
    <MultiSelect
      label={label}
      description={description}
      placeholder={chosen.length === 0 ? said.everything : undefined}
      data={[...Array.from(known, ([value, label]) => ({ value, label })), ...gone]}
      value={chosen}
      onChange={onChange}
      searchable
      nothingFoundMessage={said.nothingFound}
      hidePickedOptions
    />
  )
}
