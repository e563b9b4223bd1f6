import { Badge, Group, Select, Text } from '@mantine/core'
import { type UseInfiniteQueryResult, useInfiniteQuery } from '@tanstack/react-query'
import { read } from '../../api/client.ts'
import { changes, type MissingLeads as Missing, resources } from '../../api/resources.ts'
import { Card } from '../../parts/card.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { KeepChanges } from '../../parts/keep-changes.tsx'
import { Note } from '../../parts/note.tsx'
import { ShowMore } from '../../parts/show-more.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useDraft } from '../../parts/use-draft.ts'
import { useWhen } from '../../parts/when.ts'
import { words } from '../../words.ts'

const said = words.missing
/** All pages that were asked for as one: what stands around the leads is as the last of them says, but they are counted with the first. */
export const useMissing = () =>
  useInfiniteQuery({
    queryKey: ['/leads/missing'],
    queryFn: ({ pageParam }) => read<Missing>(resources.missing(pageParam).queryKey[0]),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next,
    select: ({ pages }) => ({
      ...(pages.at(-1) as Missing),
      lost: pages[0]?.lost ?? null,
      leads: pages.flatMap(({ leads }) => leads),
    }),
  })

/** Leads that Meta told of and that sales never got to see, and what to do; nothing where no page tells of its leads. */
export function MissingLeads({ list }: { list: UseInfiniteQueryResult<Missing> }) {
  if (list.data?.isTold === false && list.data.leads.length === 0) return null
  return (
    <Card title={said.title} text={said.text}>
      <Shown query={list} lines={2}>
        {(missing) => (
          <>
            <List {...missing} />
            <ShowMore list={list} label={said.older} />
            <After {...missing} />
          </>
        )}
      </Shown>
    </Card>
  )
}

function List({ afterMinutes, hindrance, lost, leads }: Missing) {
  const when = useWhen()
  if (hindrance !== null) return <Text size="sm">{hindrance.text}</Text>
  if (leads.length === 0) return <Text size="sm">{afterMinutes === 0 ? said.never : said.none}</Text>
  const nameOf = (named: Missing['leads'][number]['form']) => named && (named.name ?? named.id)
  return (
    <>
      {lost !== null && lost.count > 0 && (
        <Note mood="warn" title={said.wayTitle(lost.count, !lost.more)}>
          {said.way}
        </Note>
      )}
      <ul className="lines">
        {leads.map(({ metaLeadId, generatedAt, form, ad, campaign, knownBefore }) => (
          <li key={metaLeadId}>
            <Group justify="space-between" gap="xs">
              <div style={{ minWidth: 0 }}>
                <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
                  {[nameOf(form) ?? said.noForm, nameOf(campaign), nameOf(ad)].filter((name) => name !== null).join(' · ')}
                </Text>
                <Text size="xs" c="dimmed">
                  {said.lead(metaLeadId, when(generatedAt))}
                </Text>
              </div>
              {knownBefore && (
                <Badge variant="outline" color="gray" tt="none" classNames={{ label: 'soft' }}>
                  {said.before}
                </Badge>
              )}
            </Group>
          </li>
        ))}
      </ul>
    </>
  )
}

/** After how long a lead is missed. */
function After({ version, afterMinutes }: Missing) {
  const draft = useDraft({ version, value: afterMinutes }, 'missing')
  const save = useChange(changes.saveMissingAfter, { done: words.unsaved.saved, after: draft.discard })
  const choices = Object.entries(said.afterChoices)
    .map(([value, label]) => ({ value, label }))
    .sort((a, b) => (Number(a.value) || Number.POSITIVE_INFINITY) - (Number(b.value) || Number.POSITIVE_INFINITY))
  const value = String(draft.value)
  return (
    <ForAdmins>
      <Select
        label={said.after}
        data={value in said.afterChoices ? choices : [{ value, label: said.minutes(draft.value) }, ...choices]}
        value={value}
        allowDeselect={false}
        onChange={(chosen) => draft.set(Number(chosen))}
        maw={240}
        mt="md"
      />
      <KeepChanges
        draft={draft}
        save={save}
        latest={resources.missing()}
        bodyOf={(onto) => ({ version: onto, afterMinutes: draft.value })}
      />
    </ForAdmins>
  )
}
