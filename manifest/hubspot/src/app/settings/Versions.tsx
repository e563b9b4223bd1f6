import { Accordion, Button, Flex, List, Text } from '@hubspot/ui-extensions'
import type { Mapping, MappingVersion } from './shared/answers.ts'
import { differences } from './shared/compare.ts'
import { Shown } from './shared/shown.tsx'
import { useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { when } from './shared/when.ts'
import { useWho } from './shared/who.ts'
import { words } from './shared/words.ts'

const { stages: said } = words
const SHOWN = 10
const nothing: Mapping = { rawLead: { enabled: false, eventName: '' }, stages: [] }

/** Who changed the stages when, and in what; a former version can be taken back. */
export function Versions({ take }: { take: (mapping: Mapping) => void }) {
  const { admin, timeZone } = useVisitor()
  const who = useWho()
  const versions = useRead<MappingVersion[]>('/mapping/versions')
  return (
    <Accordion title={said.history}>
      <Text>{said.historyText}</Text>
      <Shown read={versions}>
        {(all) => (
          <Flex direction="column" gap="small" align="start">
            {all.length === 0 && <Text>{said.historyEmpty}</Text>}
            {all.slice(0, SHOWN).map(({ version, createdAt, createdBy, mapping }, index) => (
              <Flex key={version} direction="column" gap="extra-small" align="start">
                <Text format={{ fontWeight: 'demibold' }}>
                  {`${said.version(version)} ${said.versionBy(who(createdBy), when(createdAt, timeZone))}`}
                </Text>
                <List variant="unordered">{differences(all[index + 1]?.mapping ?? nothing, mapping)}</List>
                {admin && index > 0 && (
                  <Button size="extra-small" onClick={() => take(mapping)}>
                    {said.takeVersion(version)}
                  </Button>
                )}
              </Flex>
            ))}
          </Flex>
        )}
      </Shown>
    </Accordion>
  )
}
