/** The files of the review kits that are made from the code: a table that somebody keeps by hand would be wrong one day. */
import { endpointsPage, zapPlan } from './endpoints.ts'
import { hubspotSharingPage } from './hubspot-sharing.ts'
import { permissionsPage } from './meta-permissions.ts'
import { listRoutes } from './routes.ts'
import { sharingPage } from './salesforce-sharing.ts'
import { sampleLeads } from './sample-leads.ts'

/** Text by path from the root of the repository. Throws `Error`, with what to do, where something new was not described. */
export async function makeKit(): Promise<Map<string, string>> {
  const routes = await listRoutes()
  return new Map([
    ['manifest/salesforce/review/data-sharing.md', await sharingPage()],
    ['manifest/salesforce/review/endpoints.md', endpointsPage(routes)],
    ['manifest/salesforce/review/zap.yaml', zapPlan(routes)],
    ['manifest/salesforce/review/sample-data/Leads.json', sampleLeads()],
    ['manifest/meta/permissions.md', permissionsPage()],
    ['manifest/hubspot/review/data-sharing.md', await hubspotSharingPage()],
  ])
}
