import {
  Button,
  EmptyState,
  Flex,
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
import type { Editing } from './editing.ts'
import { labelOf } from './label-of.ts'
import { MoveButtons } from './MoveButtons.tsx'
import { NameInput } from './NameInput.tsx'
import { changeLine, isReported, keyOf, moveLine, removeLine } from './shared/draft.ts'
import { useVisitor } from './shared/visitor.ts'
import { words } from './shared/words.ts'

const { stages: text } = words

/** The stages that Meta is told of, in funnel order. */
export function Reported({ mapping, states, groups, edit }: Editing) {
  const { admin } = useVisitor()
  const shown = mapping.stages.filter(isReported)
  if (shown.length === 0)
    return (
      <EmptyState title={text.none} imageName="target" layout="vertical">
        <Text>{text.noneText}</Text>
      </EmptyState>
    )
  return (
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
          const label = labelOf(stage, groups)
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
                  onInput={(eventName) => edit(changeLine(mapping, stage, { eventName }))}
                />
              </TableCell>
              <TableCell>
                <Toggle
                  label={text.amountOf(label)}
                  labelDisplay="hidden"
                  name={`${key}/amount`}
                  readonly={!admin}
                  checked={stage.sendAmount}
                  onChange={(sendAmount) => edit(changeLine(mapping, stage, { sendAmount }))}
                />
              </TableCell>
              <TableCell>
                {admin && (
                  <Flex gap="extra-small">
                    <MoveButtons label={label} place={place} of={shown} move={(by) => edit(moveLine(mapping, stage, by))} />
                    <Button
                      size="extra-small"
                      onClick={() =>
                        edit(state === 'vanished' ? removeLine(mapping, stage) : changeLine(mapping, stage, { eventName: null }))
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
  )
}
