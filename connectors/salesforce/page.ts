/** Our page inside Salesforce: a Canvas app, opened by a form that is posted with a signed request (Canvas developer guide). */
import { z } from 'zod'
import type { CrmClient, Page } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { jsonOf, readReplyOf } from '../read-reply.ts'
import { ownOrigin } from './hosts.ts'
import { consentUrlFor, identify } from './install.ts'
import { queryIfThere, quote } from './query.ts'
import type { SalesforceSettings } from './settings.ts'
import { readSignedRequest } from './signed-request.ts'
import { root } from './version.ts'

/** Everybody may ask for their own rights: the object has one row, that of who asks (Object reference, UserPermissionAccess). */
const RIGHTS = 'SELECT PermissionsCustomizeApplication FROM UserPermissionAccess'
const assigned = z.object({
  PermissionSet: z.object({ PermissionsCustomizeApplication: z.boolean() }),
  Assignee: z.object({ IsActive: z.boolean() }),
})
const rights = z.object({ records: z.array(z.object({ PermissionsCustomizeApplication: z.boolean() })).length(1) })

export const page: Page<SalesforceSettings> = {
  opening: {
    verify(body, app) {
      // Base64 has plus signs, which a form writes as `%2B`: a plain one stands for a space, and would spoil what was signed.
      const verdict = readSignedRequest(new URLSearchParams(body.toString('utf8')).get('signed_request') ?? '', app.clientSecrets)
      if (!verdict.ok || verdict.visitor.access === undefined) return verdict
      const { access, ...visitor } = verdict.visitor
      const apiUrl = ownOrigin(access.apiUrl, app)
      return { ...verdict, visitor: { ...visitor, ...(apiUrl !== undefined && { access: { token: access.token, apiUrl } }) } }
    },
    // Pages of Lightning and Visualforce are below these, those of sandboxes and of packages too; all ancestors have to be named.
    frameAncestors: ['https://*.salesforce.com', 'https://*.force.com', 'https://*.visualforce.com'],
    // Where users may authorise the app themselves, and have not (Canvas developer guide, user flow; `loginUrl`: its JavaScript SDK).
    approvalAt: ({ _sfdc_canvas_authvalue: asked, loginUrl }) =>
      asked === 'user_approval_required' ? (typeof loginUrl === 'string' ? loginUrl : '') : undefined,
  },
  async isAdmin({ access, account, userId }, { http, context }) {
    if (access === undefined) {
      if (context === undefined || context.account !== account) throw gone()
      return customises(context.client, userId)
    }
    const url = `${access.apiUrl}${root}/query`
    const reply = await http({ method: 'GET', url, query: { q: RIGHTS }, headers: { authorization: `Bearer ${access.token}` } })
    if (reply.status === 401) throw gone()
    // Who may not use the API customises nothing.
    if (reply.status === 403) return false
    if (reply.status !== 200) throw notKnown(reply.status)
    return readReplyOf('Salesforce', rights, jsonOf(reply)).records.every((one) => one.PermissionsCustomizeApplication)
  },
  // Without `refresh_token`: each user can approve an app five times, and a sixth ends the first, which may be that of the connection.
  signIn: { consentUrl: (app, request) => consentUrlFor(['api', 'id'], app, request), identify },
}

/** By the permission sets of a user, the profile's own among them (Object reference, PermissionSetAssignment). */
async function customises(client: CrmClient, userId: string): Promise<boolean> {
  const sets = await queryIfThere(
    client,
    `SELECT PermissionSet.PermissionsCustomizeApplication, Assignee.IsActive FROM PermissionSetAssignment WHERE AssigneeId = ${quote(userId)}`,
  )
  // Every user has the set of the own profile: none at all means that they are hidden.
  if (sets === undefined || sets.length === 0) throw notKnown(403)
  const found = readReplyOf('Salesforce', z.array(assigned), sets)
  if (!found.every(({ Assignee }) => Assignee.IsActive)) throw gone()
  return found.some(({ PermissionSet }) => PermissionSet.PermissionsCustomizeApplication)
}

function gone(): CodedError {
  return new CodedError({
    code: 'visitor_gone',
    retry: 'never',
    scope: 'connection',
    userText: 'Salesforce does not know you by what this page was opened with. Load the page of Salesforce anew.',
  })
}

function notKnown(status: number): CodedError {
  return new CodedError({
    code: 'admin_unknown',
    retry: 'later',
    scope: 'connection',
    userText:
      'Salesforce does not say now whether you may customise the org, which is asked for before anything is changed. Open the page again.',
    message: `admin_unknown: HTTP ${status}`,
  })
}
