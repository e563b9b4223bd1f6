import {
  Accordion,
  Alert,
  Button,
  EmptyState,
  Flex,
  Heading,
  Icon,
  Input,
  StatusTag,
  Table,
  TableBody,
  TableCell,
  TableHead,
  TableHeader,
  TableRow,
  Text,
  Toggle,
} from '@hubspot/ui-extensions'
import { useState } from 'react'
import { BothChanges } from './BothChanges.tsx'
import { moveLost, setLost } from './edit-lost.ts'
import { labelOf } from './label-of.ts'
import type { Mapping, StageReport, Stages as StagesAnswer } from './shared/answers.ts'
import { changeLine, isReported, isWhole, keyOf, mappingOf, moveLine, nameProblem, removeLine, reportLine } from './shared/draft.ts'
import { Failed } from './shared/failed.tsx'
import { here } from './shared/here.ts'
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
  const shown = mapping.stages.filter(isReported)
  const off = mapping.stages.filter(({ eventName, negative }) => eventName === null && !negative)
  const known = new Set(mapping.stages.map(keyOf))
  const unmapped = answer.unmapped.filter((stage) => !known.has(keyOf(stage)))
  const negative = mapping.stages.filter((stage) => stage.negative)
  const vanished = mapping.stages.filter((stage) => states.get(keyOf(stage)) === 'vanished').length
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
        {mapping.rawLead.enabled && (
          <NameInput
            label={text.eventName}
            name="rawLeadName"
            value={mapping.rawLead.eventName}
            readOnly={!admin}
            onInput={(eventName) => setDraft({ ...mapping, rawLead: { ...mapping.rawLead, eventName } })}
          />
        )}
      </Flex>

      <Flex direction="column" gap="small">
        <Heading>{text.reported}</Heading>
        {shown.length === 0 && (
          <EmptyState title={text.none} imageName="target" layout="vertical">
            <Text>{text.noneText}</Text>
          </EmptyState>
        )}
        {shown.length > 0 && (
          <Table bordered>
            <TableHead>
              <TableRow>
                <TableHeader>{text.title}</TableHeader>
                <TableHeader>{text.eventName}</TableHeader>
                <TableHeader>{text.amountShort}</TableHeader>
                <TableHeader width="min"> </TableHeader>
              </TableRow>
            </TableHead>
            <TableBody>
              {shown.map((stage, place) => {
                const key = keyOf(stage)
                const label = labelOf(stage, answer.groups)
                const state = states.get(key)
                return (
                  <TableRow key={key}>
                    <TableCell>
                      <Text>{label}</Text>
                      {state === 'vanished' && <StatusTag variant="warning">{text.vanished}</StatusTag>}
                      {state === 'archived' && <StatusTag>{text.archived}</StatusTag>}
                    </TableCell>
                    <TableCell>
                      <NameInput
                        label={text.eventNameOf(label)}
                        name={key}
                        value={stage.eventName ?? ''}
                        readOnly={!admin}
                        onInput={(eventName) => setDraft(changeLine(mapping, stage, { eventName }))}
                      />
                    </TableCell>
                    <TableCell>
                      <Toggle
                        label={text.amountOf(label)}
                        labelDisplay="hidden"
                        name={`${key}/amount`}
                        readonly={!admin}
                        checked={stage.sendAmount}
                        onChange={(sendAmount) => setDraft(changeLine(mapping, stage, { sendAmount }))}
                      />
                    </TableCell>
                    <TableCell>
                      {admin && (
                        <Flex gap="extra-small">
                          <MoveButtons label={label} place={place} of={shown} move={(by) => setDraft(moveLine(mapping, stage, by))} />
                          <Button
                            size="extra-small"
                            onClick={() =>
                              setDraft(state === 'vanished' ? removeLine(mapping, stage) : changeLine(mapping, stage, { eventName: null }))
                            }
                          >
                            {state === 'vanished' ? text.remove : text.offOf(label)}
                          </Button>
                        </Flex>
                      )}
                    </TableCell>
                  </TableRow>
                )
              })}
            </TableBody>
          </Table>
        )}
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

      <Accordion title={text.off_} defaultOpen={unmapped.length > 0}>
        <Flex direction="column" gap="small">
          <Text>{off.length + unmapped.length === 0 ? text.offEmpty : text.offText}</Text>
          {[...unmapped.map((stage) => ({ ...stage, isNew: true })), ...off.map((stage) => ({ ...stage, isNew: false }))].map((stage) => (
            <Flex key={keyOf(stage)} gap="small" align="center">
              <Text>{labelOf(stage, answer.groups)}</Text>
              {stage.isNew && <StatusTag variant="info">{text.isNew}</StatusTag>}
              {admin && (
                <>
                  <Button size="extra-small" onClick={() => setDraft(reportLine(mapping, stage))}>
                    {text.reportOf(labelOf(stage, answer.groups))}
                  </Button>
                  <Button size="extra-small" onClick={() => setDraft(setLost(mapping, stage))}>
                    {here.stages.lost(labelOf(stage, answer.groups))}
                  </Button>
                </>
              )}
            </Flex>
          ))}
        </Flex>
      </Accordion>
      {negative.length > 0 && (
        <Accordion title={text.negative(negative.length)}>
          <Text>{text.negativeText}</Text>
          {negative.map((stage, place) => {
            const key = keyOf(stage)
            const label = labelOf(stage, answer.groups)
            return (
              <Flex key={key} gap="small" align="center">
                <Text>{label}</Text>
                {states.get(key) === 'vanished' && <StatusTag variant="warning">{text.vanished}</StatusTag>}
                {admin && (
                  <>
                    <MoveButtons label={label} place={place} of={negative} move={(by) => setDraft(moveLost(mapping, stage, by))} />
                    <Button
                      size="extra-small"
                      onClick={() =>
                        setDraft(
                          states.get(key) === 'vanished' ? removeLine(mapping, stage) : changeLine(mapping, stage, { negative: false }),
                        )
                      }
                    >
                      {states.get(key) === 'vanished' ? text.remove : here.stages.notLost(label)}
                    </Button>
                  </>
                )}
              </Flex>
            )
          })}
        </Accordion>
      )}
      <Versions key={answer.version} take={setDraft} />
      <Suitability />
    </Flex>
  )
}

interface Moved {
  label: string
  place: number
  of: readonly unknown[]
  move: (by: -1 | 1) => void
}

/** Puts a stage before or behind its neighbour: arrows, with words for whoever does not see them. */
const MoveButtons = ({ label, place, of, move }: Moved) => (
  <>
    <Button size="extra-small" disabled={place === 0} onClick={() => move(-1)}>
      <Icon name="upCarat" screenReaderText={text.up(label)} />
    </Button>
    <Button size="extra-small" disabled={place === of.length - 1} onClick={() => move(1)}>
      <Icon name="downCarat" screenReaderText={text.down(label)} />
    </Button>
  </>
)

interface Name {
  label: string
  name: string
  value: string
  readOnly: boolean
  onInput: (value: string) => void
}

/** The name of an event: not empty, and not longer than Meta takes. */
function NameInput({ label, name, value, readOnly, onInput }: Name) {
  const problem = nameProblem(value)
  const wrong = problem && text[problem]
  return (
    <Input
      label={label}
      name={name}
      value={value}
      readOnly={readOnly}
      error={wrong !== undefined}
      validationMessage={wrong}
      onInput={onInput}
    />
  )
}

/** Which stage suits Meta best, by Meta's own conditions. */
function Suitability() {
  const report = useRead<StageReport>('/figures/stages')
  return (
    <Accordion title={text.suits}>
      <Shown read={report}>
        {(data) => (
          <Flex direction="column" gap="small">
            <Text>{data.text}</Text>
            {data.stages.map(({ eventName, share, medianHours, conditions, fits }) => {
              const early = conditions.some(({ state }) => state === 'too_little_data')
              return (
                <Flex key={eventName} gap="small" align="center">
                  <StatusTag variant={fits ? 'success' : early ? 'default' : 'warning'}>
                    {fits ? text.fits : early ? text.early : text.fitsNot}
                  </StatusTag>
                  <Text>
                    {[eventName, share !== null && text.reach(share), medianHours !== null && text.half(medianHours)]
                      .filter((part) => part !== false)
                      .join(' · ')}
                  </Text>
                </Flex>
              )
            })}
          </Flex>
        )}
      </Shown>
    </Accordion>
  )
}
