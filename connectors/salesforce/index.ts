/**
 * The Salesforce connector: one org is one account. Changes come as change events, or are asked for where an org has none;
 * history is exact where the org keeps it.
 */
import type { Connector } from '../connector.ts'
import { check } from './check.ts'
import { defaultMapping } from './default-mapping.ts'
import { allocation, classify } from './errors.ts'
import { listFields } from './fields.ts'
import { history } from './history.ts'
import { install } from './install.ts'
import { writeLeadId } from './lead-id-field.ts'
import { leadIds } from './lead-ids.ts'
import { lookup } from './lookup.ts'
import { normalise } from './normalise.ts'
import { page } from './page.ts'
import { poll } from './poll.ts'
import { type SalesforceSettings, salesforceSettings } from './settings.ts'
import { listStages } from './stages.ts'
import { openHub } from './stream/hub.ts'
import { api } from './version.ts'

export const salesforce: Connector<SalesforceSettings> = {
  manifest: {
    id: 'salesforce',
    displayName: 'Salesforce',
    leadEventSource: 'Salesforce',
    arrival: ['stream', 'poll'],
    // History is dated when a record was written, events when the transaction ended: code of the org may run in between.
    history: { quality: 'exact', clockToleranceMs: 10_000 },
    limits: {
      // Salesforce counts requests by the day (see `allocation`) and only limits how many long ones run at a time: 25, in trial
      // and developer orgs 5, for all software together.
      default: { count: 25, perMs: 1_000, concurrent: 4 },
      // Reading the past leaves room for what happens now.
      history: { count: 5, perMs: 1_000, concurrent: 2, within: 'default' },
    },
    api,
    pollMs: 60_000,
    // Requests are few, and one query reads what changed in hundreds of records as well as in one.
    lookupEveryMs: 2_000,
    settings: salesforceSettings,
  },
  install,
  page,
  stream: { open: openHub },
  poll,
  arrival: ({ changes }) => changes,
  allocation,
  classify,
  normalise,
  lookup,
  needsPipeline: () => false,
  history,
  listStages,
  listFields,
  defaultMapping,
  check,
  leadIds,
  writeLeadId,
}
