/** The HubSpot connector: one portal is one account. Stages are pushed by webhook; history is exact. */
import type { Connector } from '../connector.ts'
import { check } from './check.ts'
import { defaultMapping } from './default-mapping.ts'
import { classify } from './errors.ts'
import { install } from './install.ts'
import { keepable } from './kept-event.ts'
import { createLeadIdField, writeLeadId } from './lead-id-field.ts'
import { leadIds } from './lead-ids.ts'
import { lookup } from './lookup.ts'
import { normalise } from './normalise.ts'
import { objects } from './objects.ts'
import { page } from './page.ts'
import { readPeriod } from './read-period.ts'
import { type HubspotSettings, hubspotSettings } from './settings.ts'
import { listFields, listStages } from './stages.ts'
import { api } from './version.ts'
import { parse, verify } from './webhook.ts'

export const hubspot: Connector<HubspotSettings> = {
  manifest: {
    id: 'hubspot',
    displayName: 'HubSpot',
    leadEventSource: 'HubSpot',
    arrival: ['push'],
    history: { quality: 'exact', clockToleranceMs: 5_000 },
    limits: {
      // Marketplace apps: 110 in ten seconds and account. Association reads have a limit of 100 of their own in small plans
      // and count here too, so one bucket keeps both.
      default: { count: 100, perMs: 10_000, concurrent: 8 },
      // Searches: 5 a second for all apps of an account together.
      search: { count: 4, perMs: 1_000, concurrent: 2 },
      // Reading the past leaves room for what happens now.
      history: { count: 60, perMs: 10_000, concurrent: 4, within: 'default' },
    },
    api,
    settings: hubspotSettings,
  },
  install,
  push: { routing: 'app', verify, keepable, parse },
  page,
  classify,
  normalise,
  lookup,
  needsPipeline: (source) => objects.some(({ stages, pipeline }) => pipeline !== undefined && stages.includes(source)),
  history: readPeriod,
  listStages,
  listFields,
  defaultMapping,
  check,
  createLeadIdField,
  leadIds,
  writeLeadId,
  // HubSpot moves accounts of other regions to their own host by itself.
  recordUrl: (account, { type, id }) =>
    `https://app.hubspot.com/contacts/${account}/record/${objects.find((object) => object.type === type)?.typeId ?? type}/${id}`,
}
