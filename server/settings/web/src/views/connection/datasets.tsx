import { Badge, Button, Group, Modal, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { changes, type Dataset, type Route, resources } from '../../api/resources.ts'
import { AskFirst } from '../../parts/ask-first.tsx'
import { Card } from '../../parts/card.tsx'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { useSay } from '../../parts/say.tsx'
import { Shown } from '../../parts/shown.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useHash } from '../../parts/use-hash.ts'
import { useWhen } from '../../parts/when.ts'
import { words } from '../../words.ts'
import { DatasetForm } from './dataset-form.tsx'
import { Invite } from './invite.tsx'

const said = words.connection
/** The version of a route that is not there yet. */
export const NO_ROUTE = 'none'

/** The datasets, whether this account feeds them, and one more. */
export function Datasets() {
  const wanted = useHash() === 'connection/datasets'
  const datasets = useQuery(resources.datasets)
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
          {(list) => (
            <>
              {list.length === 0 && <Text size="sm">{said.noDatasets}</Text>}
              <ul className="lines">
                {list.map((dataset) => (
                  <li key={dataset.id}>
                    <Line dataset={dataset} route={routes.data?.find(({ datasetId }) => datasetId === dataset.id)} />
                  </li>
                ))}
              </ul>
            </>
          )}
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

function Line({ dataset, route }: { dataset: Dataset; route: Route | undefined }) {
  const when = useWhen()
  const say = useSay()
  const [asked, setAsked] = useState<'live' | 'remove' | 'token'>()
  const over = () => setAsked(undefined)
  const mode = useChange(changes.saveRoute, { done: (saved) => said.modeDone(saved.mode === 'live'), after: over })
  const resume = useChange(changes.resumeDataset, { done: words.actionDone.resume_dataset })
  const remove = useChange(changes.removeRoute, { done: said.removedRoute, after: over })
  const setMode = (to: Route['mode']) => mode.mutate({ datasetId: dataset.id, version: route?.version ?? NO_ROUTE, mode: to })
  const facts = [
    dataset.unsent > 0 &&
      `${said.unsent(dataset.unsent)}${dataset.oldest ? `, ${words.overview.oldest(when(dataset.oldest)).toLowerCase()}` : ''}`,
    dataset.tokenExpiresAt && said.tokenEnds(when(dataset.tokenExpiresAt)),
  ].filter(Boolean)
  const button = (label: string, press: () => void, busy = false) => (
    <Button size="xs" variant="default" loading={busy} onClick={press} aria-label={`${label}: ${said.dataset(dataset.metaId)}`}>
      {label}
    </Button>
  )
  return (
    <>
      <Group gap="xs">
        <Text fw={600}>{said.dataset(dataset.metaId)}</Text>
        <Badge variant="outline" color="gray" tt="none" classNames={{ label: route?.mode === 'live' ? 'good' : 'soft' }}>
          {route === undefined ? said.noRoute : said[route.mode]}
        </Badge>
        {dataset.state === 'held' && (
          <Badge variant="outline" color="gray" tt="none" classNames={{ label: 'warn' }}>
            {said.held}
          </Badge>
        )}
      </Group>
      {dataset.holdText !== null && <Text size="sm">{dataset.holdText}</Text>}
      <Text size="sm" c="dimmed">
        {facts.join(' · ')}
      </Text>
      <ForAdmins>
        <Group gap="xs" mt="xs">
          {route === undefined && button(said.feed, () => setMode('shadow'), mode.isPending)}
          {route?.mode === 'shadow' && button(said.goLive, () => setAsked('live'))}
          {route?.mode === 'live' && button(said.goShadow, () => setMode('shadow'), mode.isPending)}
          {dataset.state === 'held' && button(said.resumeDataset, () => resume.mutate(dataset.id), resume.isPending)}
          {button(said.newToken, () => setAsked('token'))}
          {route && button(said.removeRoute, () => setAsked('remove'))}
        </Group>
      </ForAdmins>
      <Failed error={mode.error ?? resume.error ?? remove.error} theirs={mode.reset} />
      <AskFirst
        opened={asked === 'live'}
        title={said.goLiveTitle}
        yes={said.goLive}
        busy={mode.isPending}
        onYes={() => setMode('live')}
        onNo={over}
      >
        {said.goLiveText}
      </AskFirst>
      <AskFirst
        opened={asked === 'remove'}
        title={said.removeRoute}
        yes={said.removeRoute}
        busy={remove.isPending}
        danger
        onYes={() => remove.mutate(dataset.id)}
        onNo={over}
      >
        {said.removeRouteText}
      </AskFirst>
      <Modal opened={asked === 'token'} onClose={over} title={said.newToken} centered closeButtonProps={{ 'aria-label': words.close }}>
        <DatasetForm
          metaId={dataset.metaId}
          onSaved={() => {
            over()
            say(said.datasetDone)
          }}
        />
      </Modal>
    </>
  )
}
