import { Badge, Button, Checkbox, Group, Modal, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { changes, type Dataset, NO_ROUTE, type Route, resources } from '../../api/resources.ts'
import { AskFirst } from '../../parts/ask-first.tsx'
import { Failed } from '../../parts/failed.tsx'
import { ForAdmins } from '../../parts/for-admins.tsx'
import { Note } from '../../parts/note.tsx'
import { useSay } from '../../parts/say.tsx'
import { useChange } from '../../parts/use-change.ts'
import { useWhen } from '../../parts/when.ts'
import { words } from '../../words.ts'
import { CrmDataset } from './crm-dataset.tsx'
import { DatasetForm } from './dataset-form.tsx'
import { kindsOf, RouteFilter } from './route-filter.tsx'

const said = words.connection

/** A dataset: what goes to it, how its access stands, and what can be done about both. */
export function DatasetLine({ dataset, route }: { dataset: Dataset; route: Route | undefined }) {
  const { id, metaId, state, holdReason, unsent, crmDataset } = dataset
  const say = useSay()
  const queries = useQueryClient()
  const [asked, setAsked] = useState<'shadow' | 'live' | 'remove' | 'token' | 'which' | 'crm' | 'leave'>()
  const [sure, setSure] = useState(false)
  const over = () => {
    setAsked(undefined)
    setSure(false)
  }
  const mode = useChange(changes.saveRoute, { done: (saved) => said.modeDone(saved.mode === 'live') })
  const resume = useChange(changes.resumeDataset, { done: words.actionDone.resume_dataset })
  const remove = useChange(changes.removeRoute, { done: said.removedRoute })
  const leave = useChange(changes.leaveDataset, { done: said.leftDataset })
  // What went wrong is told behind the question.
  const setMode = (to: Route['mode']) => mode.mutate({ datasetId: id, version: route?.version ?? NO_ROUTE, mode: to }, { onSettled: over })
  const left = holdReason === 'left'
  const button = (label: string, press: () => void, busy = false) => (
    <Button size="xs" variant="default" loading={busy} onClick={press} aria-label={`${label}: ${said.dataset(metaId)}`}>
      {label}
    </Button>
  )
  const dialog = (what: typeof asked, title: string, content: ReactNode) => (
    <Modal opened={asked === what} onClose={over} title={title} centered closeButtonProps={{ 'aria-label': words.close }}>
      {content}
    </Modal>
  )
  return (
    <>
      <Standing dataset={dataset} route={route} />
      <ForAdmins>
        <Group gap="xs" mt="xs">
          {route === undefined && !left && button(said.feed, () => setMode('shadow'), mode.isPending)}
          {route?.mode === 'shadow' && button(said.goLive, () => setAsked('live'))}
          {route?.mode === 'live' && button(said.goShadow, () => setAsked('shadow'))}
          {state === 'held' && !left && button(said.resumeDataset, () => resume.mutate(id), resume.isPending)}
          {route && button(said.which, () => setAsked('which'))}
          {button(said.crm, () => setAsked('crm'))}
          {button(said.newToken, () => setAsked('token'))}
          {route && button(said.removeRoute, () => setAsked('remove'))}
          {!left && button(said.leaveDataset, () => setAsked('leave'))}
        </Group>
      </ForAdmins>
      <Failed
        error={mode.error ?? resume.error ?? remove.error ?? leave.error}
        theirs={() => {
          mode.reset()
          queries.invalidateQueries()
        }}
      />
      {left && leave.data?.text && (
        <div style={{ marginTop: 12 }}>
          <Note title={said.leftDatasetTitle}>{leave.data.text}</Note>
        </div>
      )}
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
        opened={asked === 'shadow'}
        title={said.goShadowTitle}
        yes={said.goShadow}
        busy={mode.isPending}
        onYes={() => setMode('shadow')}
        onNo={over}
      >
        {said.goShadowText(unsent)}
      </AskFirst>
      <AskFirst
        opened={asked === 'remove'}
        title={said.removeRoute}
        yes={said.removeRoute}
        busy={remove.isPending}
        danger
        onYes={() => remove.mutate(id, { onSettled: over })}
        onNo={over}
      >
        {said.removeRouteText}
      </AskFirst>
      <AskFirst
        opened={asked === 'leave'}
        title={said.leaveDatasetTitle(metaId)}
        yes={said.leaveDataset}
        ready={sure}
        busy={leave.isPending}
        danger
        onYes={() => leave.mutate({ id, metaId }, { onSettled: over })}
        onNo={over}
      >
        {said.leaveDatasetText(unsent)}
        <Checkbox
          mt="md"
          label={said.leaveDatasetSure(metaId)}
          checked={sure}
          onChange={({ currentTarget: { checked } }) => setSure(checked)}
        />
      </AskFirst>
      {route && dialog('which', said.whichTitle(metaId), <RouteFilter route={route} onSaved={over} />)}
      {dialog('crm', said.crmTitle(metaId), <CrmDataset key={crmDataset} dataset={dataset} onSaved={over} />)}
      {dialog(
        'token',
        said.newToken,
        <DatasetForm
          metaId={metaId}
          onSaved={() => {
            over()
            say(said.datasetDone)
          }}
        />,
      )}
    </>
  )
}

function Standing({ dataset, route }: { dataset: Dataset; route: Route | undefined }) {
  const { metaId, state, holdText, unsent, oldest, tokenExpiresAt, crmDataset } = dataset
  const when = useWhen()
  const narrow = route !== undefined && kindsOf(route.filter, []).length > 0
  const stages = useQuery({ ...resources.stages, enabled: narrow })
  const kinds = route === undefined ? [] : kindsOf(route.filter, stages.data?.groups ?? [])
  const facts = [
    unsent > 0 && `${said.unsent(unsent)}${oldest ? `, ${words.overview.oldest(when(oldest)).toLowerCase()}` : ''}`,
    tokenExpiresAt && said.tokenEnds(when(tokenExpiresAt)),
  ].filter(Boolean)
  return (
    <>
      <Group gap="xs">
        <Text fw={600}>{said.dataset(metaId)}</Text>
        <Badge variant="outline" color="gray" tt="none" classNames={{ label: route?.mode === 'live' ? 'good' : 'soft' }}>
          {route === undefined ? said.noRoute : said.modes[route.mode]}
        </Badge>
        {state === 'held' && (
          <Badge variant="outline" color="gray" tt="none" classNames={{ label: 'warn' }}>
            {said.held}
          </Badge>
        )}
      </Group>
      {holdText !== null && <Text size="sm">{holdText}</Text>}
      {route && <Text size="sm">{kinds.length > 0 ? said.whichSome(kinds) : said.whichAll}</Text>}
      <Text size="sm" className={crmDataset === 'yes' ? undefined : 'warn'}>
        {said.crmIs[crmDataset ?? 'unknown']}
      </Text>
      <Text size="sm" c="dimmed">
        {facts.join(' · ')}
      </Text>
    </>
  )
}
