import { Button, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, resources } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { useOpenTab } from '../../parts/open-tab.tsx'
import { useChange } from '../../parts/use-change.ts'
import { words } from '../../words.ts'

const said = words.connection

/** A sign-in at Facebook and Meta's Business Extension, where this server offers them: both go over pages of Meta's own. */
export function AtMeta() {
  const { data: ways } = useQuery(resources.datasetWays)
  const openTab = useOpenTab()
  // A colleague who gets a link goes the same way.
  const begin = useChange(() => changes.invite('dataset').then(openTab), { done: said.atMetaDone })
  if (!ways?.login && !ways?.extension) return null
  return (
    <div style={{ marginBottom: 16 }}>
      <Text size="sm" mb="xs">
        {[ways.login && said.byLogin, ways.extension && said.byExtension].filter(Boolean).join(' ')}
      </Text>
      <Button variant="default" loading={begin.isPending} onClick={() => begin.mutate(undefined)}>
        {said.atMeta}
      </Button>
      <Failed error={begin.error} />
      <Text size="sm" c="dimmed" mt="md">
        {said.orToken}
      </Text>
    </div>
  )
}
