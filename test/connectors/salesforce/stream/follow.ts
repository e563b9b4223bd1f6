/** A stream of changes followed at a simulated event bus, with all that surrounds it played by the test. */
import type { Test } from 'tap'
import type { Access, StreamBatch, StreamContext } from '../../../../connectors/connector.ts'
import type { CodedError } from '../../../../connectors/errors.ts'
import type { EventChange } from '../../../../connectors/salesforce/change.ts'
import { type SalesforceSettings, salesforceSettings } from '../../../../connectors/salesforce/settings.ts'
import type { Times } from '../../../../connectors/salesforce/stream/follow.ts'
import { openHub } from '../../../../connectors/salesforce/stream/hub.ts'
import { standardFields } from '../../../simulators/salesforce/avro-schema.ts'
import { type ChangeLog, createChangeLog, type Entity, type OrgChange } from '../../../simulators/salesforce/change-log.ts'
import { type PubSub, type PubSubOptions, startPubSub } from '../../../simulators/salesforce/pubsub.ts'
import type { PubSubOrg, StreamUser } from '../../../simulators/salesforce/pubsub-org.ts'
import { change } from './change.ts'

export const CHANNEL = '/data/Meta_Connector__chn'

export interface Org extends PubSubOrg {
  changeLog: ChangeLog
  /** Access tokens that work. */
  tokens: Set<string>
  /** What the connected user may see. */
  views: Entity[]
  /** Current values of fields, by record id and name. */
  values: Record<string, unknown>
  fields: Record<Entity, ReturnType<typeof standardFields>>
  log(given?: Partial<OrgChange>): string
}

export function createOrg(id: string, enriched: string[] = ['Meta_Lead_ID__c']): Org {
  const views: Entity[] = ['Lead', 'Opportunity']
  const fields = { Lead: standardFields('Lead'), Opportunity: standardFields('Opportunity') }
  const changeLog = createChangeLog({ fields: (entity) => fields[entity] })
  const tokens = new Set(['token-1'])
  const values: Record<string, unknown> = {}
  const user: StreamUser = { id: '005', viewsAll: (entity) => views.includes(entity), hidden: () => [] }
  return {
    id,
    changeLog,
    tokens,
    views,
    fields,
    values,
    channels: () => [
      {
        name: CHANNEL,
        members: [
          { entity: 'Lead', enriched },
          { entity: 'Opportunity', enriched },
        ],
      },
    ],
    authorise: (token) => (tokens.has(token) ? user : undefined),
    current: (_entity, recordId, field) => values[`${recordId}.${field}`],
    deliveries: { used: 0, max: 1_000_000 },
    log: (given = {}) =>
      changeLog.append(change({ changedFields: ['Status', 'LastModifiedDate'], values: { Status: 'Working' }, ...given })).toString('hex'),
  }
}

export const leadId = (number: number): string => `00QAk00000${String(number).padStart(5, '0')}AAA`

/** A bus with orgs, and a hub that follows them. `times` are short, so that tests do not wait. */
export async function start(
  t: Test,
  {
    orgs = [createOrg('00DAk000001TestMAC')],
    times = {},
    streamUrl,
    ...options
  }: { orgs?: Org[]; times?: Partial<Times>; streamUrl?: string } & Partial<PubSubOptions> = {},
) {
  const bus = await startPubSub({ org: (id) => orgs.find((org) => org.id === id), ...options })
  const hub = openHub(
    { appId: 'app', clientId: 'client', clientSecrets: ['secret'], baseUrl: 'http://127.0.0.1', streamUrl: streamUrl ?? bus.url },
    { spread: 50, backOff: 20, ...times },
  )
  t.teardown(async () => {
    await hub.close()
    await bus.close()
  })
  const [org] = orgs as [Org]
  return { bus, hub, org, orgs, follow: (given: Partial<Given> = {}) => followOrg(t, hub, (given.org ?? org).id, given) }
}

interface Given {
  org: Org
  position: string | undefined
  settings: Partial<SalesforceSettings>
  ruleFields: string[]
  access: Partial<StreamContext['access']>
  /** In place of keeping; called with every batch. */
  keep(batch: StreamBatch): Promise<void>
  schemas: Map<string, string>
}

export interface Followed {
  batches: StreamBatch[]
  /** Of all that was kept. */
  changes(): EventChange[]
  ids(): string[]
  position(): string | undefined
  missed(): number
  standings: ('open' | CodedError)[]
  schemas: Map<string, string>
  /** Resolves when what was kept fits. */
  until(fits: () => boolean): Promise<void>
  stop(): Promise<void>
  /** Rejects with what `follow` rejects with. */
  ended: Promise<void>
}

/** Follows one org; stops with the test. */
export function followOrg(t: Test, hub: ReturnType<typeof openHub>, account: string, given: Partial<Given>): Followed {
  const { position, settings = {}, ruleFields = [], access = {}, keep = async () => {}, schemas = new Map() } = given
  const abort = new AbortController()
  const batches: StreamBatch[] = []
  const standings: Followed['standings'] = []
  const current: Access = { token: 'token-1', apiUrl: 'https://acme.my.salesforce.com' }
  const ended = hub.follow(
    {
      client: { request: () => Promise.reject(new Error('a stream asks nothing of the REST API')) },
      account,
      scopes: [],
      settings: salesforceSettings.parse(settings),
      ruleFields,
      access: { current: async () => current, instead: async () => undefined, ...access },
      schemas: { read: async (id) => schemas.get(id), write: async (id, body) => void schemas.set(id, body) },
    },
    position,
    {
      async keep(batch) {
        await keep(batch)
        batches.push(batch)
      },
      standing: (state) => void standings.push(state),
    },
    abort.signal,
  )
  ended.catch(() => undefined)
  const changes = () => batches.flatMap((batch) => batch.changes as EventChange[])
  const followed: Followed = {
    batches,
    changes,
    ids: () => changes().flatMap(({ ids }) => ids),
    position: () => batches.findLast((batch) => batch.position !== undefined)?.position,
    missed: () => batches.filter(({ missed }) => missed).length,
    standings,
    schemas,
    async until(fits) {
      const late = Date.now() + 60_000
      while (!fits()) {
        if (Date.now() > late) throw new Error('what was waited for did not come')
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    async stop() {
      abort.abort()
      await ended
    },
    ended,
  }
  t.teardown(async () => {
    abort.abort()
    await ended.catch(() => undefined)
  })
  return followed
}

/** Resolves when `fits` does; for what happens at the bus. */
export async function eventually(fits: () => boolean): Promise<void> {
  for (let looks = 0; !fits() && looks < 4_000; looks++) await new Promise((resolve) => setTimeout(resolve, 5))
}

export const open = (bus: PubSub): number => bus.counts().open
