/**
 * Meta's own leads: one Facebook page is one account, and its records are the leads of its instant forms. They are pushed by webhook;
 * what no webhook told is found in the forms. They have no stages: those are the business of the CRM that gets them.
 */
import type { Connector } from '../connector.ts'
import { appSecretProof } from '../graph/app-secret-proof.ts'
import { GRAPH_API } from '../graph/version.ts'
import { check } from './check.ts'
import { classify, usage } from './errors.ts'
import { listFields } from './fields.ts'
import { install } from './install.ts'
import { lookup } from './lookup.ts'
import { normalise } from './normalise.ts'
import { BULK, readPeriod } from './read-period.ts'
import { type PageSettings, pageSettings } from './settings.ts'
import { subscribe } from './subscription.ts'
import { handshake, parse, verify } from './webhook.ts'

const DAY_MS = 86_400_000

export const metaLeadAds: Connector<PageSettings> = {
  manifest: {
    id: 'meta-lead-ads',
    displayName: 'Meta lead ads',
    leadEventSource: 'Meta lead ads',
    arrival: ['push'],
    capturesLeads: true,
    history: { quality: 'exact', clockToleranceMs: 1_000 },
    limits: {
      // Meta names no rate by the second; its budget is told with each answer.
      default: { count: 50, perMs: 1_000, concurrent: 8 },
      // One at a time, so that a page of answers tells whether there is room for the next.
      [BULK]: { count: 25, perMs: 1_000, concurrent: 1, within: 'default', yieldsAt: 0.95 },
    },
    // Leads that come together are read together.
    lookupEveryMs: 100,
    api: { version: GRAPH_API.version, sunset: GRAPH_API.sunset, baseUrl: 'https://graph.facebook.com', ofMeta: true },
    settings: pageSettings,
  },
  install,
  push: { routing: 'app', handshake, ensure: subscribe, verify, parse },
  classify,
  usage,
  proof: (token, { clientSecrets }) => ({ appsecret_proof: appSecretProof(clientSecrets[0] ?? '', token) }),
  normalise,
  lookup,
  needsPipeline: () => false,
  history: readPeriod,
  past: ({ pastDays }) => pastDays * DAY_MS,
  listStages: async () => [],
  listFields,
  defaultMapping: () => [],
  check,
}
