/** What the tests of delivery have in common. */
import { type Tenant, type TestApp, until } from '../../support/app.ts'
import { post, stageEvent } from '../../support/post-webhook.ts'
import { silence } from '../resolve/sharing.ts'

let leads = 0

/**
 * Lets a portal report new leads, all at once, so that they form one batch.
 * @returns their Meta lead ids in the order of their time
 */
export async function report(it: TestApp, howMany: number, portalId?: number, at = Date.now() - 60_000): Promise<string[]> {
  silence(it)
  const created = Array.from({ length: howMany }, (_, index) => {
    leads += 1
    const leadId = String(100_000_000_000_000 + leads)
    const portal = portalId === undefined ? {} : { portalId }
    const { id } = it.hubspot.create({ ...portal, type: 'contact', at: at + index, properties: { meta_lead_id: leadId } })
    const event = {
      subscriptionType: 'object.creation',
      propertyName: undefined,
      propertyValue: undefined,
      occurredAt: at + index,
      ...portal,
    }
    return { leadId, event: stageEvent(id, '', event) }
  })
  await post(
    it.url,
    created.map(({ event }) => event),
  )
  return created.map(({ leadId }) => leadId)
}

export const dataset = (it: Pick<TestApp, 'db'>, id: number) =>
  it.db.selectFrom('dataset').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

export const notices = (it: Pick<TestApp, 'db'>, datasetId: number) =>
  it.db.selectFrom('notice').selectAll().where('subject', '=', `dataset:${datasetId}`).where('closed_at', 'is', null).execute()

/** Outcomes of a dataset's ledger with how often they occur. */
export async function outcomes(it: Pick<TestApp, 'db'>, { datasetId }: Pick<Tenant, 'datasetId'>): Promise<Record<string, number>> {
  const found = await it.db
    .selectFrom('ledger')
    .select(({ fn }) => ['outcome', fn.countAll<string>().as('count')])
    .where('dataset_id', '=', datasetId)
    .groupBy('outcome')
    .execute()
  return Object.fromEntries(found.map(({ outcome, count }) => [outcome, Number(count)]))
}

/** Connects further portals, each with a dataset of its own, numbered from 2. */
export async function addTenants(it: TestApp, howMany: number): Promise<(Tenant & { portal: number; meta: string; token: string })[]> {
  const tenants = []
  for (let n = 2; n < 2 + howMany; n++) {
    const meta = `7000000000001${String(n).padStart(2, '0')}`
    const token = `EAAtesttoken00000000000000000001${String(n).padStart(2, '0')}`
    it.meta.addDataset({ id: meta, tokens: [token] })
    tenants.push({ ...(await it.addTenant({ portal: 4_004_000 + n, dataset: meta, token })), portal: 4_004_000 + n, meta, token })
  }
  return tenants
}

/** Waits until a dataset is held. */
export const held = (it: Pick<TestApp, 'db'>, id: number) => until(async () => (await dataset(it, id)).state === 'held')

/** What a reconnect or a resume leaves behind. */
export async function resume(it: Pick<TestApp, 'db'>, id: number): Promise<void> {
  await it.db
    .updateTable('dataset')
    .set({ state: 'active', hold_reason: null, hold_text: null, unknown_error: null, unknown_error_count: 0 })
    .where('id', '=', id)
    .execute()
}

/** Waits for longer than the sweeper needs to find work. */
export const aSweep = () => new Promise((resolve) => setTimeout(resolve, 2_300))
