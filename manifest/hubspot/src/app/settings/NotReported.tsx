import { Accordion, Button, Flex, StatusTag, Text } from '@hubspot/ui-extensions'
import { setLost } from './edit-lost.ts'
import type { Editing } from './editing.ts'
import { labelOf } from './label-of.ts'
import type { Stages } from './shared/answers.ts'
import { keyOf, reportLine } from './shared/draft.ts'
import { here } from './shared/here.ts'
import { useVisitor } from './shared/visitor.ts'
import { words } from './shared/words.ts'

const { stages: text } = words

/** Stages that are off, after those that are new in the CRM. */
export function NotReported({ mapping, groups, edit, unmapped }: Editing & Pick<Stages, 'unmapped'>) {
  const { admin } = useVisitor()
  const off = mapping.stages.filter(({ eventName, negative }) => eventName === null && !negative)
  return (
    <Accordion title={text.off_} defaultOpen={unmapped.length > 0}>
      <Flex direction="column" gap="small">
        <Text>{off.length + unmapped.length === 0 ? text.offEmpty : text.offText}</Text>
        {[...unmapped.map((stage) => ({ ...stage, isNew: true })), ...off.map((stage) => ({ ...stage, isNew: false }))].map((stage) => (
          <Flex key={keyOf(stage)} gap="small" align="center">
            <Text>{labelOf(stage, groups)}</Text>
            {stage.isNew && <StatusTag variant="info">{text.isNew}</StatusTag>}
            {admin && (
              <>
                <Button size="extra-small" onClick={() => edit(reportLine(mapping, stage))}>
                  {text.reportOf(labelOf(stage, groups))}
                </Button>
                <Button size="extra-small" onClick={() => edit(setLost(mapping, stage))}>
                  {here.stages.lost(labelOf(stage, groups))}
                </Button>
              </>
            )}
          </Flex>
        ))}
      </Flex>
    </Accordion>
  )
}
