import {
  Accordion,
  Alert,
  Button,
  Flex,
  Heading,
  Select,
  StatusTag,
  Table,
  TableBody,
  TableCell,
  TableHead,
  TableHeader,
  TableRow,
  Text,
} from '@hubspot/ui-extensions'
import { useState } from 'react'
import { ConnectDataset } from './ConnectDataset.tsx'
import { RouteFilter } from './RouteFilter.tsx'
import type { Dataset, Route, Stages } from './shared/answers.ts'
import { AskFirst } from './shared/ask-first.tsx'
import { Failed } from './shared/failed.tsx'
import { here } from './shared/here.ts'
import { Shown } from './shared/shown.tsx'
import { useChange } from './shared/use-change.ts'
import { useApi, useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'
import { words } from './shared/words.ts'

const { connection: text } = here
const { connection: said } = words
const NONE = 'none'

/** The datasets, what of the account goes to each, and one more. */
export function Datasets() {
  const datasets = useRead<Dataset[]>('/datasets')
  const routes = useRead<Route[]>('/routes')
  const stages = useRead<Stages>('/stages')
  const { admin } = useVisitor()
  const [left, setLeft] = useState<string | null>(null)
  const again = () => {
    datasets.again()
    routes.again()
  }
  return (
    <Flex direction="column" gap="small">
      <Heading>{text.datasets}</Heading>
      <Shown read={datasets}>
        {(all) => (
          <Shown read={routes}>
            {(ways) =>
              all.length === 0 ? (
                <Text>{text.noDatasets}</Text>
              ) : (
                <Table bordered>
                  <TableHead>
                    <TableRow>
                      <TableHeader>{text.dataset}</TableHeader>
                      <TableHeader>{text.mode}</TableHeader>
                      <TableHeader align="right">{text.unsent}</TableHeader>
                      <TableHeader width="min"> </TableHeader>
                    </TableRow>
                  </TableHead>
                  <TableBody>
                    {all.map((dataset) => (
                      <DatasetRow
                        key={dataset.id}
                        dataset={dataset}
                        route={ways.find(({ datasetId }) => datasetId === dataset.id)}
                        again={again}
                        left={(leftToDo) => {
                          setLeft(leftToDo)
                          again()
                        }}
                      />
                    ))}
                  </TableBody>
                </Table>
              )
            }
          </Shown>
        )}
      </Shown>
      {left !== null && (
        <Alert title={said.leftDatasetTitle} variant="info">
          {left}
        </Alert>
      )}
      <Shown read={stages}>
        {({ groups }) => (
          <>
            {routes.data?.map((route) => (
              <RouteFilter key={route.id} route={route} read={routes} groups={groups} />
            ))}
          </>
        )}
      </Shown>
      {admin && (
        <Accordion title={text.add}>
          <ConnectDataset connected={again} />
        </Accordion>
      )}
    </Flex>
  )
}

interface Row {
  dataset: Dataset
  route: Route | undefined
  again: () => void
  /** Told what is left to be done at Meta by hand. */
  left: (leftToDo: string | null) => void
}

function DatasetRow({ dataset, route, again, left }: Row) {
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  const { id, metaId, state, holdText, unsent, crmDataset } = dataset
  const live = route?.mode === 'live'
  const next = route === undefined ? 'shadow' : live ? 'shadow' : 'live'
  return (
    <TableRow>
      <TableCell>
        <Text>{metaId}</Text>
        {holdText !== null && <Text>{holdText}</Text>}
        {crmDataset !== 'yes' && <Text variant="microcopy">{said.crmIs[crmDataset ?? 'unknown']}</Text>}
        {crmDataset !== 'yes' && admin && (
          <Select
            label={said.isCrm}
            description={said.crmHow}
            name={`crm/${id}`}
            readOnly={change.busy}
            value={crmDataset ?? undefined}
            options={Object.entries(said.isCrmChoices).map(([value, label]) => ({ value, label }))}
            onChange={(answer) =>
              change.make(() => api.change('POST', `/datasets/${id}/crm`, { answer }), { done: said.crmDone, after: again })
            }
          />
        )}
        <Failed error={change.error} theirs={again} />
      </TableCell>
      <TableCell>
        <StatusTag variant={live ? 'success' : 'default'}>{route === undefined ? text.noRoute : text[route.mode]}</StatusTag>
      </TableCell>
      <TableCell align="right">{unsent}</TableCell>
      <TableCell>
        {admin && (
          <Flex gap="extra-small">
            <Button
              size="extra-small"
              disabled={change.busy}
              onClick={() =>
                change.make(() => api.change('PUT', `/routes/${id}`, { version: route?.version ?? NONE, mode: next }), { after: again })
              }
            >
              {route === undefined ? text.feed : live ? text.goShadow : text.goLive}
            </Button>
            {state === 'held' && (
              <Button
                size="extra-small"
                disabled={change.busy}
                onClick={() => change.make(() => api.change('POST', `/datasets/${id}/resume`), { after: again })}
              >
                {text.resumeDataset}
              </Button>
            )}
            <AskFirst
              id={`leave/${id}`}
              label={said.leaveDataset}
              title={said.leaveDatasetTitle(metaId)}
              text={said.leaveDatasetText(unsent)}
              yes={said.leaveDatasetSure(metaId)}
              size="extra-small"
              busy={change.busy}
              act={() =>
                change.make(() => api.change<{ text: string | null }>('POST', `/datasets/${id}/leave`, { metaId }), {
                  done: said.leftDataset,
                  after: (made) => left(made.text),
                })
              }
            />
          </Flex>
        )}
      </TableCell>
    </TableRow>
  )
}
