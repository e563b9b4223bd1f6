import { Accordion, Flex, Form, MultiSelect, Text } from '@hubspot/ui-extensions'
import type { Route, Stages } from './shared/answers.ts'
import { KeepChanges } from './shared/keep-changes.tsx'
import { useDraft } from './shared/use-draft.ts'
import { type Read, useApi } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { words } from './shared/words.ts'

const { connection: said } = words

type Filter = Route['filter']
const splitOf = ({ version, filter: { recordTypes = [], pipelineIds = [] } }: Route) => ({ version, value: { recordTypes, pipelineIds } })
type Option = { value: string; label: string }

/** Which changes of the account go to a dataset: all, or those of some kinds of records and pipelines. */
export function RouteFilter({ route, read, groups }: { route: Route; read: Read<Route[]>; groups: Stages['groups'] }) {
  const api = useApi()
  const { admin } = useVisitor()
  const { datasetId, metaId } = route
  const draft = useDraft<Required<Filter>>({
    read,
    ...splitOf(route),
    send: (version, _, filter) => api.change('PUT', `/routes/${datasetId}`, { version, filter }),
    latest: async () => splitOf((await api.read<Route[]>('/routes')).find((one) => one.datasetId === datasetId) ?? route),
    done: said.whichDone,
  })
  const { recordTypes, pipelineIds } = draft.value
  const types = groups.map(({ recordType }) => ({ value: recordType, label: said.recordType(recordType) }))
  const pipelines = groups.flatMap(({ pipelineId, label }) => (pipelineId === undefined ? [] : [{ value: pipelineId, label }]))
  const saved = splitOf(route).value
  const only = [...labelsOf(types, saved.recordTypes), ...labelsOf(pipelines, saved.pipelineIds)]
  return (
    <Accordion title={`${said.whichTitle(metaId)}: ${only.length > 0 ? said.whichSome(only) : said.whichAll}`} size="small">
      <Form onSubmit={draft.save}>
        <Flex direction="column" gap="small">
          <Text>{said.whichText}</Text>
          <MultiSelect
            label={said.recordTypes}
            name={`recordTypes/${datasetId}`}
            readOnly={!admin}
            placeholder={said.everything}
            value={recordTypes}
            options={choices(types, recordTypes)}
            onChange={(chosen) => draft.put({ recordTypes: chosen.map(String) })}
          />
          <MultiSelect
            label={said.pipelines}
            name={`pipelines/${datasetId}`}
            description={said.pipelinesText}
            readOnly={!admin}
            placeholder={said.everything}
            value={pipelineIds}
            options={choices(pipelines, pipelineIds)}
            onChange={(chosen) => draft.put({ pipelineIds: chosen.map(String) })}
          />
          {admin && <KeepChanges draft={draft} />}
        </Flex>
      </Form>
    </Accordion>
  )
}

/** Each once; what was chosen stays to be seen, also where the CRM does not have it any more. */
function choices(known: readonly Option[], chosen: readonly string[]): Option[] {
  const gone = chosen.map((value) => [value, said.notThere(value)] as const)
  const labels = new Map([...gone, ...known.map(({ value, label }) => [value, label] as const)])
  return [...labels].map(([value, label]) => ({ value, label }))
}

const labelsOf = (known: readonly Option[], chosen: readonly string[]): string[] =>
  choices(known, chosen).flatMap(({ value, label }) => (chosen.includes(value) ? [label] : []))
