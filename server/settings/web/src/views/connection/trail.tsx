import { Button, Group, Skeleton, Text } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { read } from '../../api/client.ts'
import { type AuditPage, changes, resources } from '../../api/resources.ts'
import { Card } from '../../parts/card.tsx'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { useOpenTab } from '../../parts/open-tab.tsx'
import { useCatalogue } from '../../parts/outcome-badge.tsx'
import { ShowMore } from '../../parts/show-more.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useWhen } from '../../parts/when.ts'
import { useWho } from '../../parts/who.ts'
import { words } from '../../words.ts'

const said = words.connection
const MOST_NOTICES = 20

export function Notices() {
  const when = useWhen()
  const catalogue = useCatalogue()
  const notices = useQuery(resources.notices)
  return (
    <Card title={said.notices}>
      <Shown query={notices}>
        {(list) =>
          list.length === 0 ? (
            <Text size="sm">{said.noticesEmpty}</Text>
          ) : (
            <ul className="lines">
              {list.slice(0, MOST_NOTICES).map(({ id, code, text, about, openedAt, closedAt }) => (
                <li key={id}>
                  <Text fw={600}>{catalogue?.notices[code]?.title ?? about}</Text>
                  <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
                    {text}
                  </Text>
                  <Text size="xs" c="dimmed">
                    {about} · {when(openedAt)} · {closedAt === null ? said.open : said.over(when(closedAt))}
                  </Text>
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </Card>
  )
}

/** Who changed what, the latest first. */
export function Trail() {
  const when = useWhen()
  const who = useWho()
  const trail = useInfiniteQuery({
    queryKey: ['/audit'],
    queryFn: ({ pageParam }) => read<AuditPage>(resources.audit(pageParam).queryKey[0]),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next,
  })
  return (
    <Card title={said.trail}>
      {!trail.isFetchNextPageError && <Failed error={trail.error} />}
      {trail.isPending && <Skeleton height={80} aria-label={words.loading} />}
      {trail.data?.pages[0]?.lines.length === 0 && <Text size="sm">{said.trailEmpty}</Text>}
      <ul className="lines">
        {trail.data?.pages
          .flatMap(({ lines }) => lines)
          .map(({ id, at, actor, text, about }) => (
            <li key={id}>
              <Text size="sm">{text}</Text>
              <Text size="xs" c="dimmed">
                {[about, who(actor), when(at)].filter(Boolean).join(' · ')}
              </Text>
            </li>
          ))}
      </ul>
      <ShowMore list={trail} />
    </Card>
  )
}

const files = Object.entries(said.fileNames) as [keyof typeof said.fileNames, string][]

/** Everything as files. */
export function Files() {
  const openTab = useOpenTab()
  const download = useChange((what: keyof typeof said.fileNames) => changes.download(what).then(openTab))
  return (
    <Card title={said.files} text={said.filesText}>
      <ForAdmins>
        <Group gap="xs">
          {files.map(([what, label]) => (
            <Button
              key={what}
              size="xs"
              variant="default"
              loading={download.isPending && download.variables === what}
              onClick={() => download.mutate(what)}
            >
              {label}
            </Button>
          ))}
        </Group>
        <Failed error={download.error} />
      </ForAdmins>
    </Card>
  )
}
