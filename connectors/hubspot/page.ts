/** Our settings inside HubSpot: drawn by HubSpot from our UI extension, whose requests it signs (HubSpot, fetching data in UI extensions). */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Page, PageVerdict, RawRequest } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { readReplyOf } from '../read-reply.ts'
import { consentUrl, exchangeWithUser, scope } from './install.ts'
import type { HubspotSettings } from './settings.ts'
import { verifySignature } from './signature.ts'
import { api } from './version.ts'

const user = z.object({ superAdmin: z.boolean().default(false) })
const ID = /^\d{1,19}$/

export const page: Page<HubspotSettings> = {
  requests: {
    verify(request, app) {
      if (request.headers['x-hubspot-signature-v3'] === undefined) return undefined
      const verdict = verifySignature(request, app.clientSecrets)
      return verdict.ok ? readVisitor(request, app.appId) : verdict
    },
  },
  async isAdmin({ account, userId }, { context }) {
    if (context === undefined || context.account !== account || !context.scopes.includes(scope.readUsers)) throw notKnown()
    const path = `/settings/users/${api.version}/${encodeURIComponent(userId)}`
    const { status, body } = await context.client.request({ method: 'GET', url: path, expect: [404] })
    return status !== 404 && readReplyOf('HubSpot', user, body).superAdmin
  },
  signIn: {
    consentUrl,
    async identify(app, answer, http, now) {
      const { grant, userId } = await exchangeWithUser(app, answer, http, now)
      return { account: grant.account, userId }
    },
  },
}

/**
 * HubSpot puts its own parameters behind those that the page asked with, and signs all of them; one that is there twice says nothing.
 * So all of the query counts: a second question mark is a sign like any other in it (RFC 3986, 3.4).
 */
function readVisitor({ target, headers }: RawRequest, appId: string): PageVerdict {
  const query = new URLSearchParams(target.replace(/^[^?]*/, ''))
  const only = (name: string) => (query.getAll(name).length === 1 ? (query.get(name) ?? '') : '')
  const [account, userId] = [only('portalId'), only('userId')]
  if (only('appId') !== appId) return { ok: false, status: 401, code: 'other_app', text: 'The request was signed for another app.' }
  if (!ID.test(account) || !ID.test(userId))
    return { ok: false, status: 400, code: 'visitor_missing', text: 'The signed request does not say of which account and user.' }
  const hash = createHash('sha256')
    .update(headers['x-hubspot-signature-v3'] ?? '')
    .digest('hex')
  return { ok: true, visitor: { account, userId }, hash }
}

function notKnown(): CodedError {
  return new CodedError({
    code: 'admin_unknown',
    retry: 'never',
    scope: 'connection',
    userText:
      'HubSpot does not show us who is an admin: the permission to read users is missing. Connect the account again and agree to it.',
  })
}
