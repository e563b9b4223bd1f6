/** The connection itself: the CRM account, and where its events go. */
import { z } from 'zod'
import { requestCatchUp } from '../catch-up.ts'
import { checkConnection } from '../check-connection.ts'
import { pauseConnection, resumeConnection, showConnection } from '../connections.ts'
import { listDatasets, resumeDataset, setDataset } from '../datasets.ts'
import { disconnect } from '../disconnect.ts'
import { problem } from '../problem.ts'
import { listRoutes, type RouteView, removeRoute, routeFilter, setRoute } from '../routes.ts'
import { answers, ok, requested, versioned } from './answers.ts'
import { datasetOf } from './dataset-of.ts'
import { lastChange, Outdated, versionOf } from './outdated.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { tenantOf } from './visitor.ts'

const connectionState = z.enum(['setup', 'active', 'attention', 'paused', 'removed'])
export const connection = z
  .object({
    id: z.int(),
    crm: z.string(),
    crmName: z.string(),
    account: z.string(),
    name: z.string(),
    workspace: z.string(),
    state: connectionState,
    stateReason: z.string().nullable(),
    lifeCycle: z.string(),
    notice: z.string().nullable(),
    scopes: z.array(z.string()),
    createdAt: z.date(),
    sandbox: z.boolean(),
    arrival: z.enum(['push', 'stream', 'poll']).nullable(),
    standing: z
      .object({
        state: z.string().nullable(),
        text: z.string().nullable(),
        since: z.date().nullable(),
        changedAt: z.date().nullable(),
        tended: z.boolean(),
      })
      .nullable(),
    inbox: z.int(),
    quarantined: z.int(),
    lastChangeAt: z.date().nullable(),
    coveredUntil: z.date().nullable(),
    catchUpMinutes: z.int().nullable(),
    takesAlong: z.string().nullable().meta({ description: 'what is lost where the app is removed from the CRM, to be saved before' }),
  })
  .meta({ id: 'Connection' })
export const crmDataset = z.enum(['yes', 'no', 'unknown'])
const ACCESS = ['pasted', 'login', 'shared', 'extension'] as const
export const finding = z.object({ code: z.string(), fatal: z.boolean(), text: z.string() }).meta({ id: 'Finding' })
export const dataset = z
  .object({
    id: z.int(),
    metaId: z.string(),
    state: z.enum(['active', 'held']),
    access: z.enum(ACCESS).meta({ description: 'how it was opened to us' }),
    tokenExpiresAt: z.date().nullable(),
    tokenCheckedAt: z.date().nullable(),
    crmDataset: crmDataset.nullable().meta({ description: 'whether it is a dataset for CRM events, as somebody said' }),
    testUntil: z.date().nullable().meta({ description: 'the next event goes with a test code, if it goes before' }),
    holdReason: z.string().nullable(),
    holdText: z.string().nullable(),
    heldSince: z.date().nullable(),
    sleepUntil: z.date().nullable(),
    unsent: z.int(),
    oldest: z.date().nullable(),
  })
  .meta({ id: 'Dataset' })
const mode = z.enum(['live', 'shadow'])
export const route = z
  .object({
    id: z.int(),
    version: z.string(),
    datasetId: z.int(),
    metaId: z.string(),
    mode: mode.meta({ description: 'shadow: everything happens but the sending' }),
    filter: routeFilter,
  })
  .meta({ id: 'Route' })

export const params = z.object({ id: z.coerce.number().int().min(1).max(2_147_483_647) })
/** The version of a route that is not there yet. */
const NONE = 'none'

export function accountRoutes(server: ApiServer, tools: ApiTools): void {
  const { db, connections, connectors } = tools
  const tags = ['connection']

  const shown = async (request: Parameters<typeof tenantOf>[0]) => {
    const { caller, connection } = tenantOf(request, tools)
    const { lifeCycle, ...view } = await showConnection(caller, connection.id)
    const { manifest, install } = connectors[view.crm] ?? {}
    return { ...view, lifeCycle: String(lifeCycle), crmName: manifest?.displayName ?? view.crm, takesAlong: install?.takesAlong ?? null }
  }

  server.get(
    '/connection',
    { schema: { operationId: 'getConnection', tags, summary: 'The CRM account and how it stands', response: answers(connection) } },
    async (request) => ok(await shown(request)),
  )

  server.get(
    '/connection/check',
    {
      schema: {
        operationId: 'checkConnection',
        tags,
        summary: 'Asks the CRM what is missing in the account, in the words of its admin',
        response: answers(z.array(finding)),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok(await checkConnection(caller, connection.id, { connections }))
    },
  )

  server.post(
    '/connection/pause',
    {
      schema: {
        operationId: 'pauseConnection',
        tags,
        summary: 'Changes are kept, nothing is sent',
        body: requested,
        response: answers(connection),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      await pauseConnection(caller, connection.id)
      return ok(await shown(request))
    },
  )

  server.post(
    '/connection/resume',
    {
      schema: {
        operationId: 'resumeConnection',
        tags,
        summary: 'Goes on with what was kept',
        body: requested,
        response: answers(connection),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      if (connection.state === 'paused') await resumeConnection(caller, connection.id)
      return ok(await shown(request))
    },
  )

  server.post(
    '/connection/catch-up',
    {
      schema: {
        operationId: 'catchUp',
        tags,
        summary: 'Has the history of the CRM read within seconds',
        body: requested.extend({ everyMinutes: z.int().min(1).max(1440).nullable().optional() }),
        response: answers(z.object({ coveredUntil: z.date(), everyMinutes: z.int().nullable(), works: z.boolean() })),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const { everyMinutes } = request.body
      return ok(await requestCatchUp(caller, connection.id, everyMinutes === undefined ? {} : { everyMinutes }))
    },
  )

  server.post(
    '/connection/leave',
    {
      schema: {
        operationId: 'leave',
        tags,
        summary: 'Ends the connection: work stops at once, its secrets are erased, the app is removed from the CRM',
        body: requested.extend({ account: z.string().meta({ description: 'the account key once more, as a sign that it is meant' }) }),
        response: answers(
          z.object({
            left: z.enum(['left', 'no_need', 'failed']),
            text: z.string().nullable().meta({ description: 'what is left to be done by hand, in the CRM or at Meta' }),
            unsent: z.int(),
          }),
        ),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      if (request.body.account !== connection.account_key) throw problem('invalid_input', 'This is not the account that you are leaving.')
      const { outcome, texts, unsent } = await disconnect(caller, connection.id, tools)
      return ok({ left: outcome, text: texts.join(' ') || null, unsent })
    },
  )

  // --------------------------------------------------------------------------------------------------- datasets and routes

  server.get(
    '/datasets',
    { schema: { operationId: 'listDatasets', tags, summary: 'The Meta datasets of the workspace', response: answers(z.array(dataset)) } },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      return ok(await listDatasets(caller, { workspaceId: caller.workspaceId }))
    },
  )

  server.post(
    '/datasets',
    {
      schema: {
        operationId: 'saveDataset',
        tags,
        summary: 'Adds a dataset, or gives a known one a new token; the token is proven first, and never shown again',
        body: requested.extend({
          metaId: z.string().max(40),
          token: z.string().max(2_000).optional().meta({ description: 'absent: the dataset is shared with our business' }),
          crmDataset,
          withoutProof: z
            .boolean()
            .default(false)
            .meta({ description: 'save it though Meta does not show the dataset to this token (`dataset_not_shown`)' }),
          testEventCode: z.string().max(40).optional().meta({
            description: 'have an event of a real lead prove the token, under this code of Events Manager; the event counts like any other',
          }),
        }),
        response: answers(
          z.object({ id: z.int(), created: z.boolean(), name: z.string().nullable(), tested: z.enum(['now', 'later']).nullable() }),
        ),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const { metaId, token, crmDataset, withoutProof, testEventCode } = request.body
      const given = {
        ...{ workspace: caller.workspaceId, metaId: metaId.trim(), crmDataset, probe: !withoutProof },
        ...(token !== undefined && { token: token.trim() }),
        ...(testEventCode !== undefined && { testEventCode: testEventCode.trim() }),
      }
      const { id, created, name = null, tested = null } = await setDataset(caller, given, tools)
      return ok({ id, created, name, tested })
    },
  )

  server.post(
    '/datasets/:id/resume',
    {
      schema: {
        operationId: 'resumeDataset',
        tags,
        summary: 'Sends again what a dataset kept back',
        params,
        body: requested,
        response: answers(z.object({ wasHeld: z.boolean() })),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const { wasHeld } = await resumeDataset(caller, await datasetOf(db, caller.workspaceId, request.params.id), caller.workspaceId)
      return ok({ wasHeld })
    },
  )

  server.get(
    '/routes',
    { schema: { operationId: 'listRoutes', tags, summary: 'Which datasets the account feeds', response: answers(z.array(route)) } },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      return ok((await listRoutes(caller, { connectionId: connection.id })).map(versionedRoute))
    },
  )

  server.put(
    '/routes/:id',
    {
      schema: {
        operationId: 'saveRoute',
        tags,
        summary: 'Adds or changes the route to a dataset (its `id` here); the first one sets the account to work',
        params,
        body: versioned.extend({ mode: mode.optional(), filter: routeFilter.optional() }).extend({
          version: z.string().meta({ description: `of the route; "${NONE}" where there is none yet` }),
        }),
        response: answers(route),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const { version, mode, filter } = request.body
      const dataset = await datasetOf(db, caller.workspaceId, request.params.id)
      await setRoute(caller, {
        connectionId: connection.id,
        dataset,
        ...(mode && { mode }),
        ...(filter && { filter }),
        guard: async (current) => {
          if (routeVersion(current) !== version)
            throw new Outdated(await lastChange(db, caller.workspaceId, `connection:${connection.id}`, ['route.set', 'route.remove']))
        },
      })
      connections.forget(connection.id)
      const saved = (await listRoutes(caller, { connectionId: connection.id })).find(({ metaId }) => metaId === dataset)
      return ok(versionedRoute(saved as RouteView))
    },
  )

  server.post(
    '/routes/:id/remove',
    {
      schema: {
        operationId: 'removeRoute',
        tags,
        summary: 'Removes the route to a dataset; its events that have not gone yet are not sent',
        params,
        body: requested,
        response: answers(z.object({ connectionState })),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const dataset = await datasetOf(db, caller.workspaceId, request.params.id)
      const removed = await removeRoute(caller, connection.id, dataset)
      return ok({ connectionState: connectionState.parse(removed.connectionState) })
    },
  )
}

const routeVersion = (route: Pick<RouteView, 'mode' | 'filter'> | undefined): string =>
  route === undefined ? NONE : versionOf([route.mode, route.filter])
const versionedRoute = ({ id, datasetId, metaId, mode, filter }: RouteView) => ({
  id,
  datasetId,
  metaId,
  mode,
  filter,
  version: routeVersion({ mode, filter }),
})
