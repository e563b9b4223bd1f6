import { Button, Group, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { resources } from '../../api/resources.ts'
import { Card } from '../../parts/card.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { useSay } from '../../parts/say.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useHash } from '../../parts/use-hash.ts'
import { words } from '../../words.ts'
import { DatasetForm } from './dataset-form.tsx'
import { DatasetLine } from './dataset-line.tsx'
import { Invite } from './invite.tsx'

const said = words.connection
const LOOK_MS = 15_000

/** The datasets, whether this account feeds them, and one more. */
export function Datasets() {
  const wanted = useHash() === 'connection/datasets'
  const datasets = useQuery({ ...resources.datasets, refetchInterval: LOOK_MS })
  const routes = useQuery(resources.routes)
  const [adding, setAdding] = useState(false)
  const say = useSay()
  useEffect(() => {
    if (wanted && datasets.isSuccess) document.getElementById('datasets')?.scrollIntoView()
  }, [wanted, datasets.isSuccess])
  return (
    <div id="datasets" style={{ scrollMarginTop: 90 }}>
      <Card title={said.datasets} text={said.datasetsText}>
        <Shown query={datasets}>
          {(list) =>
            list.length === 0 ? (
              <Text size="sm">{said.noDatasets}</Text>
            ) : (
              // Before the routes are there, a dataset that is fed would look like one that is not.
              <Shown query={routes}>
                {(fed) => (
                  <ul className="lines">
                    {list.map((dataset) => (
                      <li key={dataset.id}>
                        <DatasetLine dataset={dataset} route={fed.find(({ datasetId }) => datasetId === dataset.id)} />
                      </li>
                    ))}
                  </ul>
                )}
              </Shown>
            )
          }
        </Shown>
        <ForAdmins>
          {adding ? (
            <div style={{ marginTop: 12 }}>
              <Title order={3} mb="xs">
                {said.addDataset}
              </Title>
              <DatasetForm
                onSaved={() => {
                  setAdding(false)
                  say(said.datasetDone)
                }}
              />
            </div>
          ) : (
            <Group gap="xs" mt="sm" align="flex-start">
              <Button variant="default" onClick={() => setAdding(true)}>
                {said.addDataset}
              </Button>
              <Invite what="dataset" label={said.invite} />
            </Group>
          )}
        </ForAdmins>
      </Card>
    </div>
  )
}
