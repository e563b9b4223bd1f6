import { Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { changes, NO_ROUTE, resources } from '../../api/resources.ts'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { useChange } from '../../parts/use-change.ts'
import { words } from '../../words.ts'
import { DatasetForm } from '../connection/dataset-form.tsx'
import { Invite } from '../connection/invite.tsx'

const said = words.connection

/** A dataset that is there already, a new one, or a link for whoever has it. Nothing is sent to it before the start. */
export function DatasetStep() {
  const datasets = useQuery(resources.datasets)
  const feed = useChange((datasetId: number) => changes.saveRoute({ datasetId, version: NO_ROUTE, mode: 'shadow' }), {
    done: said.datasetDone,
  })
  return (
    <ForAdmins>
      {datasets.data?.map(({ id, metaId }) => (
        <Group key={id} mb="sm">
          <Text>{said.dataset(metaId)}</Text>
          <Button size="xs" loading={feed.isPending} onClick={() => feed.mutate(id)}>
            {said.feed}
          </Button>
        </Group>
      ))}
      <DatasetForm onSaved={(id) => feed.mutate(id)} />
      <Failed error={feed.error} />
      <Text size="sm" c="dimmed" mt="lg" mb="xs">
        {said.inviteText}
      </Text>
      <Invite what="dataset" label={said.invite} />
    </ForAdmins>
  )
}
