import { Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { type Mapping, resources } from '../../api/resources.ts'
import { Card } from '../../parts/card.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useWhen } from '../../parts/when.ts'
import { useWho } from '../../parts/who.ts'
import { words } from '../../words.ts'
import { differences } from './compare.ts'
import { Lines } from './lines.tsx'

const said = words.stages
const SHOWN = 5
const nothing: Mapping = { rawLead: { enabled: false, eventName: '' }, stages: [] }

/** Who changed what when; a former version can be looked at, and taken back. */
export function History({ onTake }: { onTake: (version: string, mapping: Mapping) => void }) {
  const when = useWhen()
  const who = useWho()
  const versions = useQuery(resources.mappingVersions)
  const [all, setAll] = useState(false)
  return (
    <Card title={said.history} text={said.historyText}>
      <Shown query={versions}>
        {(list) => (
          <>
            {list.length === 0 && <Text size="sm">{said.historyEmpty}</Text>}
            <ol className="lines">
              {list.slice(0, all ? undefined : SHOWN).map(({ version, createdAt, createdBy, mapping }, index) => (
                <li key={version}>
                  <Group justify="space-between" gap="xs" align="flex-start">
                    <Text fw={600}>
                      {said.version(version)}{' '}
                      <Text component="span" size="sm" c="dimmed" fw={400}>
                        {said.versionBy(who(createdBy), when(createdAt))}
                      </Text>
                    </Text>
                    {index > 0 && (
                      <Button
                        size="compact-sm"
                        variant="default"
                        aria-label={said.takeVersion(version)}
                        onClick={() => onTake(version, mapping)}
                      >
                        {said.take}
                      </Button>
                    )}
                  </Group>
                  <ul style={{ margin: '4px 0', paddingLeft: 18, fontSize: 14 }}>
                    {differences(list[index + 1]?.mapping ?? nothing, mapping).map((difference) => (
                      <li key={difference}>{difference}</li>
                    ))}
                  </ul>
                  <details>
                    <summary>{said.look}</summary>
                    <Lines {...mapping} />
                  </details>
                </li>
              ))}
            </ol>
            {!all && list.length > SHOWN && (
              <Button variant="default" size="xs" mt="sm" onClick={() => setAll(true)}>
                {words.more}
              </Button>
            )}
          </>
        )}
      </Shown>
    </Card>
  )
}
