/** Accounts in which something happens, for pages to show. */
import type { Test } from 'tap'
import { scopes } from '../../../connectors/salesforce/install.ts'
import type { Database } from '../../../server/database/pool.ts'
import { TOKEN, testApp, until } from '../../support/app.ts'
import { ledger } from '../../support/look.ts'
import { addOrg, followed } from '../../support/salesforce.ts'

export const ORG_DATASET = '800000000000001'
const HOUR_MS = 3_600_000

/**
 * An org in which leads went some way, each as far as its number says.
 * @param options `fresh`: it was just connected, and nothing is set up
 */
export async function busyOrg(t: Test, options: { leads?: number; fresh?: boolean } = {}) {
  const it = await testApp(t, { salesforce: {} })
  const org = await addOrg(it, { dataset: ORG_DATASET, token: `${TOKEN}S` })
  await it.db
    .updateTable('connection')
    .set({ scopes: [...scopes.required] })
    .where('id', '=', org.connectionId)
    .execute()
  const { userId } = it.salesforce.addUser({ orgId: org.orgId, username: 'ana@acme.example' })
  const user = { orgId: org.orgId, userId }
  const leads = options.leads ?? 12
  if (options.fresh) await unsettle(it.db, org.connectionId)
  else await followed(it, org.orgId)
  const at = Date.now() - 50 * HOUR_MS
  const { orgId } = org
  const ids = it.salesforce.insert({
    orgId,
    object: 'Lead',
    records: Array.from({ length: leads }, (_, n) => ({
      ...{ LastName: `Person ${n}`, Company: 'Acme', Email: `person${n}@example.com`, LeadSource: n % 3 === 0 ? 'Web' : 'Facebook' },
      ...(n % 4 !== 3 && { Meta_Lead_ID__c: `1234567890123${String(n).padStart(4, '0')}` }),
    })),
    at,
  }).ids as string[]
  it.salesforce.update({
    ...{ orgId, object: 'Lead', at: at + HOUR_MS },
    records: ids.filter((_, n) => n % 2 === 0).map((Id) => ({ Id, Status: 'Working - Contacted' })),
  })
  const converted = ids.slice(0, 2)
  for (const [n, id] of converted.entries())
    it.salesforce.convert({ orgId, leads: [id], opportunity: { Name: `Offer ${n}` }, at: at + (2 + n) * HOUR_MS })
  if (options.fresh) return { it, ...org, user, leads: ids }
  await until(async () => (await ledger(it.db)).length >= leads, 30_000)
  await it.settled()
  return { it, ...org, user, leads: ids }
}

/** What an install leaves behind: an account that is connected, and no more. */
async function unsettle(db: Database, connectionId: number): Promise<void> {
  await db.deleteFrom('mapping').where('connection_id', '=', connectionId).execute()
  await db.deleteFrom('route').where('connection_id', '=', connectionId).execute()
  await db.deleteFrom('dataset').where('meta_id', '=', ORG_DATASET).execute()
  await db.updateTable('connection').set({ state: 'setup' }).where('id', '=', connectionId).execute()
}
