import { Alert, Button, Flex, List, Select, Text } from '@hubspot/ui-extensions'
import { useState } from 'react'
import type { Mapping, Stages } from './shared/answers.ts'
import type { ApiError } from './shared/api.ts'
import { differences, merge, type Side } from './shared/compare.ts'
import { mappingOf } from './shared/draft.ts'
import { Shown } from './shared/shown.tsx'
import { useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { when } from './shared/when.ts'
import { useWho } from './shared/who.ts'
import { words } from './shared/words.ts'

const { stages: said } = words

interface Ways {
  /** What was there when somebody began to change it. */
  base: Mapping
  mine: Mapping
  busy: boolean
  /** @param now what they saved, which it goes on top of */
  onBoth: (now: { version: string; base: Mapping }, both: Mapping) => void
  onTheirs: () => void
}

/** Somebody else was faster: what they changed, and a choice wherever both changed the same to something else. */
export function BothChanges({ error: { changed }, ...ways }: Ways & { error: ApiError }) {
  const { timeZone } = useVisitor()
  const who = useWho()
  // What is shown beneath may be older than what they saved.
  const now = useRead<Stages>('/stages')
  return (
    <Alert
      title={changed === undefined ? words.conflict.title : words.conflict.by(who(changed.by), when(changed.at, timeZone))}
      variant="warning"
    >
      <Text>{words.conflict.text}</Text>
      <Shown read={now}>{(data) => <Choose {...ways} now={data} />}</Shown>
    </Alert>
  )
}

function Choose({ base, mine, busy, onBoth, onTheirs, now }: Ways & { now: Stages }) {
  const [choices, setChoices] = useState<Record<string, Side>>({})
  const theirs = mappingOf(now)
  const { mapping, conflicts } = merge({ base, mine, theirs }, choices)
  return (
    <Flex direction="column" gap="small" align="start">
      <Text>{said.theyChanged}</Text>
      <List variant="unordered">{differences(base, theirs)}</List>
      <Text>{conflicts.length === 0 ? said.noConflict : said.conflicts}</Text>
      {conflicts.map(({ key, what, mine: own, theirs: other }) => (
        <Select
          key={key}
          label={what}
          name={`conflict/${what}`}
          value={choices[key]}
          options={[
            { value: 'theirs', label: said.theirs(other) },
            { value: 'mine', label: said.mine(own) },
          ]}
          onChange={(side) => setChoices({ ...choices, [key]: side as Side })}
        />
      ))}
      <Flex gap="small">
        <Button
          size="small"
          variant="secondary"
          disabled={busy || !conflicts.every(({ key }) => key in choices)}
          onClick={() => onBoth({ version: now.version, base: theirs }, mapping)}
        >
          {said.saveBoth}
        </Button>
        <Button size="small" variant="secondary" onClick={onTheirs}>
          {words.conflict.theirs}
        </Button>
      </Flex>
    </Flex>
  )
}
