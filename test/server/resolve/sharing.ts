/** What the tests of the whole way have in common. */
import type { TestApp } from '../../support/app.ts'
import { DATASET, until } from '../../support/app.ts'

/** What Meta took, in the order in which it came: event name and lead id. */
export const sent = (it: Pick<TestApp, 'meta'>, dataset = DATASET): [string, string | undefined][] =>
  it.meta.events({ dataset }).map((event) => [event.eventName, event.leadId])

/** The same for one lead: event names only. */
export const sentOf = (it: Pick<TestApp, 'meta'>, leadId: string, dataset = DATASET): string[] =>
  it.meta
    .events({ dataset })
    .filter((event) => event.leadId === leadId)
    .map((event) => event.eventName)

/** Switches the CRM's webhooks off, so that the test posts its own. */
export function silence(it: Pick<TestApp, 'hubspot'>): void {
  it.hubspot.webhooks({ subscriptions: {} })
}

/** Waits until no packet is left that could be handled now. */
export async function resolved(it: Pick<TestApp, 'db'>): Promise<void> {
  await until(async () => (await it.db.selectFrom('packet').select('id').where('quarantined', '=', false).executeTakeFirst()) === undefined)
}
