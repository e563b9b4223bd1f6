import { Alert, Button, Flex, Heading, Text, Toggle } from '@hubspot/ui-extensions'
import { useState } from 'react'
import { BothChanges } from './BothChanges.tsx'
import { Lost } from './Lost.tsx'
import { NameInput } from './NameInput.tsx'
import { NotReported } from './NotReported.tsx'
import { Reported } from './Reported.tsx'
import { Suitability } from './Suitability.tsx'
import type { Mapping, Stages as StagesAnswer } from './shared/answers.ts'
import { isWhole, keyOf, mappingOf } from './shared/draft.ts'
import { Failed } from './shared/failed.tsx'
import { Shown } from './shared/shown.tsx'
import { useChange } from './shared/use-change.ts'
import { type Read, useApi, useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { words } from './shared/words.ts'
import { Versions } from './Versions.tsx'

const { stages: text } = words

/** Which stages of the CRM are reported, in which order and under which name. */
export function Stages() {
  const stages = useRead<StagesAnswer>('/stages')
  return <Shown read={stages}>{(data) => <Editor answer={data} read={stages} />}</Shown>
}

function Editor({ answer, read }: { answer: StagesAnswer; read: Read<StagesAnswer> }) {
  const api = useApi()
  const change = useChange()
  const proposal = useChange()
  const { admin } = useVisitor()
  const [draft, setDraft] = useState<Mapping>()
  const [theirs, setTheirs] = useState<{ version: string; base: Mapping }>()
  const mapping = draft ?? mappingOf(answer)
  const on = theirs ?? { version: answer.version, base: mappingOf(answer) }
  const states = new Map(answer.stages.map((stage) => [keyOf(stage), stage.state]))
  const known = new Set(mapping.stages.map(keyOf))
  const unmapped = answer.unmapped.filter((stage) => !known.has(keyOf(stage)))
  const vanished = mapping.stages.filter((stage) => states.get(keyOf(stage)) === 'vanished').length
  const editing = { mapping, states, groups: answer.groups, edit: setDraft }
  // Meta has learned from names that were sent: they change only after the warning.
  const renames = change.error?.code === 'mapping_renames_sent'
  const leave = () => {
    setDraft(undefined)
    setTheirs(undefined)
    change.forget()
    read.again()
  }
  const save = (confirmed: boolean, { version, wanted } = { version: on.version, wanted: mapping }) =>
    change.make(() => api.change('PUT', '/mapping', { version, mapping: wanted, confirmed }), { done: text.saved, after: leave })

  return (
    <Flex direction="column" gap="large">
      <Text>{text.text}</Text>
      {answer.problem !== null && (
        <Alert title={text.noCrm} variant="warning">
          {answer.problem}
        </Alert>
      )}
      {vanished > 0 && <Alert title={text.vanishedText(vanished)} variant="warning" />}
      {unmapped.length > 0 && <Alert title={text.unmapped(unmapped.length)} variant="info" />}

      <Flex direction="column" gap="small">
        <Heading>{text.rawLead}</Heading>
        <Text>{text.rawLeadText}</Text>
        <Toggle
          label={text.rawLeadOn}
          name="rawLead"
          readonly={!admin}
          checked={mapping.rawLead.enabled}
          onChange={(enabled) => setDraft({ ...mapping, rawLead: { ...mapping.rawLead, enabled } })}
        />
        <NameInput
          label={text.eventName}
          name="rawLeadName"
          value={mapping.rawLead.eventName}
          readOnly={!admin}
          onInput={(eventName) => setDraft({ ...mapping, rawLead: { ...mapping.rawLead, eventName } })}
        />
      </Flex>

      <Flex direction="column" gap="small">
        <Heading>{text.reported}</Heading>
        <Reported {...editing} />
        <Failed error={proposal.error} />
        {change.error?.code === 'outdated' && (
          <BothChanges
            error={change.error}
            base={on.base}
            mine={mapping}
            busy={change.busy}
            onBoth={(now, both) => {
              setDraft(both)
              setTheirs(now)
              save(false, { version: now.version, wanted: both })
            }}
            onTheirs={leave}
          />
        )}
        <Failed error={renames || change.error?.code === 'outdated' ? undefined : change.error} />
        {renames && (
          <Alert title={text.rename} variant="warning">
            <Text>{change.error?.message}</Text>
            <Button variant="destructive" size="small" onClick={() => save(true)} disabled={change.busy}>
              {text.renameYes}
            </Button>
          </Alert>
        )}
        {admin && (
          <Flex gap="small">
            <Button
              variant="primary"
              disabled={draft === undefined || !isWhole(mapping) || change.busy || read.busy}
              onClick={() => save(false)}
            >
              {words.unsaved.save}
            </Button>
            {draft !== undefined && (
              <Button variant="secondary" onClick={leave}>
                {words.unsaved.discard}
              </Button>
            )}
            <Button
              variant="secondary"
              disabled={proposal.busy}
              onClick={() => proposal.make(() => api.read<Mapping>('/mapping/proposal'), { done: text.proposed, after: setDraft })}
            >
              {text.propose}
            </Button>
          </Flex>
        )}
      </Flex>

      <NotReported {...editing} unmapped={unmapped} />
      <Lost {...editing} />
      <Versions key={answer.version} take={setDraft} />
      <Suitability />
    </Flex>
  )
}
