import { ActionIcon, Badge, Button, Checkbox, Group, Switch, Text, TextInput } from '@mantine/core'
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react'
import { type KeyboardEvent, useRef } from 'react'
import type { Mapping, Stages } from '../../api/resources.ts'
import { useSay } from '../../parts/say.tsx'
import { words } from '../../words.ts'
import { changeLine, isReported, keyOf, type Line, moveLine, nameProblem, removeLine } from './draft.ts'

const said = words.stages
type State = Stages['stages'][number]['state']
const flags: Partial<Record<State, string>> = { vanished: said.vanished, archived: said.archived }
const problemOf = (name: string) => {
  const problem = nameProblem(name)
  return problem && { nameNeeded: said.nameNeeded, nameLong: said.nameLong }[problem]
}

/** The funnel: the event of every new lead, and the reported stages in their order. */
export function Reported({
  mapping,
  states,
  onChange,
}: {
  mapping: Mapping
  states: ReadonlyMap<string, State>
  onChange: (next: Mapping) => void
}) {
  const say = useSay()
  const list = useRef<HTMLOListElement>(null)
  const { rawLead } = mapping
  const lines = mapping.stages.filter(isReported)
  const move = (line: Line, by: -1 | 1) => {
    const next = moveLine(mapping, line, by)
    if (next === mapping) return
    onChange(next)
    say(
      said.moved(
        line.label || line.stageId,
        next.stages.filter(isReported).findIndex((one) => keyOf(one) === keyOf(line)) + 1,
        lines.length,
      ),
    )
    // The line is another element now, and whoever moved it goes on with it.
    const inLine = (document.activeElement as HTMLElement | null)?.dataset.part
    requestAnimationFrame(() => {
      const moved = list.current?.querySelector(`[data-line=${CSS.escape(keyOf(line))}]`)
      const same = inLine && moved?.querySelector<HTMLButtonElement>(`[data-part=${inLine}]`)
      const target = same && !same.disabled ? same : moved?.querySelector<HTMLElement>('button:not(:disabled)')
      if (inLine) target?.focus()
    })
  }
  const onKey = (line: Line) => (event: KeyboardEvent) => {
    if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return
    event.preventDefault()
    move(line, event.key === 'ArrowUp' ? -1 : 1)
  }

  return (
    <ol className="lines" ref={list}>
      <li>
        <div className="stage">
          <Switch
            aria-label={said.rawLeadOn}
            checked={rawLead.enabled}
            onChange={({ currentTarget: { checked } }) => onChange({ ...mapping, rawLead: { ...rawLead, enabled: checked } })}
          />
          <div className="stage-name">
            <Text fw={600}>{said.rawLead}</Text>
            <Text size="xs" c="dimmed">
              {said.rawLeadText}
            </Text>
          </div>
          <TextInput
            aria-label={said.eventNameOf(said.rawLead)}
            value={rawLead.eventName}
            error={problemOf(rawLead.eventName)}
            onChange={({ currentTarget: { value } }) => onChange({ ...mapping, rawLead: { ...rawLead, eventName: value } })}
          />
        </div>
      </li>
      {lines.map((line, index) => {
        const label = line.label || line.stageId
        const flag = flags[states.get(keyOf(line)) ?? 'live']
        return (
          <li key={keyOf(line)} data-line={keyOf(line)}>
            <div className="stage">
              <Group gap={2} wrap="nowrap">
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  data-part="up"
                  aria-label={said.up(label)}
                  onKeyDown={onKey(line)}
                  disabled={index === 0}
                  onClick={() => move(line, -1)}
                >
                  <IconArrowUp size={18} />
                </ActionIcon>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  data-part="down"
                  aria-label={said.down(label)}
                  onKeyDown={onKey(line)}
                  disabled={index === lines.length - 1}
                  onClick={() => move(line, 1)}
                >
                  <IconArrowDown size={18} />
                </ActionIcon>
              </Group>
              <div className="stage-name">
                <Text fw={600}>{label}</Text>
                {flag !== undefined && (
                  <Badge variant="outline" color="gray" tt="none" classNames={{ label: 'warn' }}>
                    {flag}
                  </Badge>
                )}
              </div>
              <TextInput
                aria-label={said.eventNameOf(label)}
                onKeyDown={onKey(line)}
                value={line.eventName ?? ''}
                error={problemOf(line.eventName ?? '')}
                onChange={({ currentTarget: { value } }) => onChange(changeLine(mapping, line, { eventName: value }))}
              />
              <Checkbox
                label={said.amountShort}
                aria-label={said.amountOf(label)}
                onKeyDown={onKey(line)}
                checked={line.sendAmount}
                onChange={({ currentTarget: { checked } }) => onChange(changeLine(mapping, line, { sendAmount: checked }))}
              />
              <Button
                size="xs"
                variant="subtle"
                color="gray"
                c="dimmed"
                onKeyDown={onKey(line)}
                aria-label={flag === undefined ? said.offOf(label) : `${said.remove}: ${label}`}
                onClick={() => onChange(flag === undefined ? changeLine(mapping, line, { eventName: null }) : removeLine(mapping, line))}
              >
                {flag === undefined ? said.off : said.remove}
              </Button>
            </div>
          </li>
        )
      })}
    </ol>
  )
}
