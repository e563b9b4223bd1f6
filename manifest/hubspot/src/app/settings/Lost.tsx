import { Accordion, Button, Flex, StatusTag, Text } from '@hubspot/ui-extensions'
import { moveLost } from './edit-lost.ts'
import type { Editing } from './editing.ts'
import { labelOf } from './label-of.ts'
import { MoveButtons } from './MoveButtons.tsx'
import { changeLine, keyOf, removeLine } from './shared/draft.ts'
import { here } from './shared/here.ts'
import { useVisitor } from './shared/visitor.ts'
import { words } from './shared/words.ts'

const { stages: text } = words

/** Stages that mean lost, folded away: Meta is never told of them. */
export function Lost({ mapping, states, groups, edit }: Editing) {
  const { admin } = useVisitor()
  const negative = mapping.stages.filter((stage) => stage.negative)
  if (negative.length === 0) return null
  return (
    <Accordion title={text.negative(negative.length)}>
      <Text>{text.negativeText}</Text>
      {negative.map((stage, place) => {
        const key = keyOf(stage)
        const label = labelOf(stage, groups)
        return (
          <Flex key={key} gap="small" align="center">
            <Text>{label}</Text>
            {states.get(key) === 'vanished' && <StatusTag variant="warning">{text.vanished}</StatusTag>}
            {admin && (
              <>
                <MoveButtons label={label} place={place} of={negative} move={(by) => edit(moveLost(mapping, stage, by))} />
                <Button
                  size="extra-small"
                  onClick={() =>
                    edit(states.get(key) === 'vanished' ? removeLine(mapping, stage) : changeLine(mapping, stage, { negative: false }))
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
  )
}
