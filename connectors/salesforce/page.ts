/** Our page inside Salesforce: a Canvas app, opened by a form that is posted with a signed request (Canvas developer guide). */
import type { Page } from '../connector.ts'
import { readSignedRequest } from './signed-request.ts'

export const page: Page = {
  // Base64 has plus signs, which a form writes as `%2B`: a plain one stands for a space, and would spoil what was signed.
  verify: (body, app) => readSignedRequest(new URLSearchParams(body.toString('utf8')).get('signed_request') ?? '', app.clientSecrets),
  // Pages of Lightning and Visualforce are below these, those of sandboxes and of packages too; all ancestors have to be named.
  frameAncestors: ['https://*.salesforce.com', 'https://*.force.com', 'https://*.visualforce.com'],
}
