import type { Test } from 'tap'
import type { Connector } from '../../../connectors/connector.ts'
import { hubspot } from '../../../connectors/hubspot/index.ts'
import { runBackfill } from '../../../server/backfill/run.ts'
import { createConnections } from '../../../server/connections/connections.ts'
import { createHttp } from '../../../server/connections/http.ts'
import type { BackfillState } from '../../../server/database/tables.ts'
import { createLog } from '../../../server/log.ts'
import { resolve } from '../../../server/resolve/resolve.ts'
import type { Caller } from '../../../server/settings/caller.ts'
import { type TestApp, until } from '../../support/app.ts'

export const DAY = 86_400_000
const MINUTE = 60_000

export const callerOf = (it: Pick<TestApp, 'db'>): Caller => ({ db: it.db, actor: 'test' })

/** Contacts with Meta lead ids that went from lead over MQL to customer, a minute apart. Returns their ids. */
export function people(it: Pick<TestApp, 'hubspot'>, count: number, at: number, firstLeadId = 101_000_000_000_000): string[] {
  return Array.from({ length: count }, (_, index) => {
    const { id } = it.hubspot.create({
      type: 'contact',
      at: at + index,
      properties: { lifecyclestage: 'lead', meta_lead_id: String(firstLeadId + index) },
    })
    it.hubspot.change({ type: 'contact', id, at: at + MINUTE + index, properties: { lifecyclestage: 'marketingqualifiedlead' } })
    it.hubspot.change({ type: 'contact', id, at: at + 2 * MINUTE + index, properties: { lifecyclestage: 'customer' } })
    return id
  })
}

/** Waits until a backfill is in this state. */
export const state = (it: Pick<TestApp, 'db'>, id: number, wanted: BackfillState): Promise<void> =>
  until(async () => {
    const row = await it.db.selectFrom('backfill').select(['state', 'error_text']).where('id', '=', id).executeTakeFirstOrThrow()
    if (row.state === 'failed' && wanted !== 'failed') throw new Error(row.error_text ?? 'failed')
    return row.state === wanted
  })

/** Waits until everything has been handled and sent. */
export const settle = (it: Pick<TestApp, 'settled'>): Promise<void> => it.settled()

/**
 * Runs resolve and backfills by hand, one run at a time, as a process that knows nothing of earlier runs. `meanwhile` happens when a run
 * has begun and knows of no work yet.
 */
export function bench(t: Test, it: TestApp, connector: Connector = hubspot, meanwhile?: () => Promise<unknown>) {
  const log = createLog({ level: 'silent' })
  const { http, close } = createHttp()
  t.teardown(close)
  const { db, vault, config } = it
  const connections = createConnections({ db, vault, apps: config.crm, http, log, connectors: { [connector.manifest.id]: connector } })
  let happens = meanwhile
  const get = async (connectionId: number) => {
    const now = happens
    happens = undefined
    await now?.()
    return connections.get(connectionId)
  }
  const options = {
    db,
    vault,
    connections: { ...connections, get },
    limits: { maxAgeMs: config.eventMaxAgeMs, maxFutureMs: config.eventMaxFutureMs },
    identityTtlMs: config.identityTtlMs,
    waitForLeadMs: config.waitForLeadDays * DAY,
    log,
  }
  const { signal } = new AbortController()
  return {
    step: (id: number) => runBackfill({ ...options, wakeResolve: () => undefined }, id, signal),
    resolve: () => resolve({ ...options, wakeDelivery: () => undefined }, it.connectionId, signal),
  }
}
