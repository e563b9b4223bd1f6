import {
  Accordion,
  Button,
  Flex,
  Heading,
  StatusTag,
  Table,
  TableBody,
  TableCell,
  TableHead,
  TableHeader,
  TableRow,
  Text,
} from '@hubspot/ui-extensions'
import { ConnectDataset } from './ConnectDataset.tsx'
import { RouteFilter } from './RouteFilter.tsx'
import type { Dataset, Route, Stages } from './shared/answers.ts'
import { Failed } from './shared/failed.tsx'
import { here } from './shared/here.ts'
import { Shown } from './shared/shown.tsx'
import { useChange } from './shared/use-change.ts'
import { useApi, useRead } from './shared/use-read.ts'
import { useVisitor } from './shared/visitor.ts'

const { connection: text } = here
const NONE = 'none'

/** The datasets, what of the account goes to each, and one more. */
export function Datasets() {
  const datasets = useRead<Dataset[]>('/datasets')
  const routes = useRead<Route[]>('/routes')
  const stages = useRead<Stages>('/stages')
  const { admin } = useVisitor()
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
                      />
                    ))}
                  </TableBody>
                </Table>
              )
            }
          </Shown>
        )}
      </Shown>
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

function DatasetRow({ dataset, route, again }: { dataset: Dataset; route: Route | undefined; again: () => void }) {
  const api = useApi()
  const change = useChange()
  const { admin } = useVisitor()
  const { id, metaId, state, holdText, unsent } = dataset
  const live = route?.mode === 'live'
  const next = route === undefined ? 'shadow' : live ? 'shadow' : 'live'
  return (
    <TableRow>
      <TableCell>
        <Text>{metaId}</Text>
        {holdText !== null && <Text>{holdText}</Text>}
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
          </Flex>
        )}
      </TableCell>
    </TableRow>
  )
}
