import { Button, Group, Radio, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { ApiError } from '../../api/client.ts'
import { type Mapping, resources, type Stages } from '../../api/resources.ts'
import { Note } from '../../parts/note.tsx'
import { Shown } from '../../parts/shown.tsx'
import type { Draft } from '../../parts/use-draft.ts'
import { useWhen } from '../../parts/when.ts'
import { useWho } from '../../parts/who.ts'
import { words } from '../../words.ts'
import { differences, merge, type Side } from './compare.ts'
import { mappingOf } from './draft.ts'

const said = words.stages

interface Ways {
  draft: Draft<Mapping>
  onBoth: (version: string, both: { value: Mapping; base: Mapping }) => void
  onTheirs: () => void
}

/** Somebody else was faster: what they changed, and a choice wherever both changed the same to something else. */
export function BothChanges({ error: { changed }, ...ways }: Ways & { error: ApiError }) {
  const when = useWhen()
  const who = useWho()
  const { queryKey, queryFn } = resources.stages
  // What is shown beneath may be older than what they saved.
  const now = useQuery({ queryKey: [...queryKey, 'by now', ways.draft.version], queryFn, staleTime: 0, gcTime: 0 })
  return (
    <Note
      mood="warn"
      role="alert"
      title={changed === undefined ? words.conflict.title : words.conflict.by(who(changed.by), when(changed.at))}
    >
      <Text size="sm" mb="xs">
        {words.conflict.text}
      </Text>
      <Shown query={now} lines={2}>
        {(data) => <Choose {...ways} {...data} />}
      </Shown>
    </Note>
  )
}

function Choose({ draft, onBoth, onTheirs, version, ...now }: Ways & Stages) {
  const [choices, setChoices] = useState<Record<string, Side>>({})
  const theirs = mappingOf(now)
  const { mapping, conflicts } = merge({ base: draft.base, mine: draft.value, theirs }, choices)
  return (
    <>
      <Text size="sm">{said.theyChanged}</Text>
      <ul style={{ margin: 0, paddingLeft: 18 }}>
        {differences(draft.base, theirs).map((difference) => (
          <li key={difference}>{difference}</li>
        ))}
      </ul>
      <Text size="sm" mt="xs">
        {conflicts.length === 0 ? said.noConflict : said.conflicts}
      </Text>
      {conflicts.map(({ key, what, mine: own, theirs: other }) => (
        <Radio.Group
          key={key}
          label={what}
          mt="xs"
          value={choices[key] ?? null}
          onChange={(side) => setChoices({ ...choices, [key]: side as Side })}
        >
          <Stack gap={4} mt={4}>
            <Radio value="theirs" label={said.theirs(other)} />
            <Radio value="mine" label={said.mine(own)} />
          </Stack>
        </Radio.Group>
      ))}
      <Group gap="xs" mt="sm">
        <Button
          size="xs"
          disabled={!conflicts.every(({ key }) => key in choices)}
          onClick={() => onBoth(version, { value: mapping, base: theirs })}
        >
          {said.saveBoth}
        </Button>
        <Button size="xs" variant="default" onClick={onTheirs}>
          {words.conflict.theirs}
        </Button>
      </Group>
    </>
  )
}
