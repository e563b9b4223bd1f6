import type { ConnectionContext, Finding } from '../connector.ts'
import { readLeadAccess } from './lead-access.ts'
import { permissions } from './permissions.ts'
import { isSubscribed } from './subscription.ts'
import { unlessRefused } from './unless-refused.ts'

/**
 * See `Connector.check`: permissions, then what else Meta asks for before it shows leads, then whether it reports them. What cannot be
 * asked for want of a permission, the permission's own line tells.
 */
export async function check(context: ConnectionContext): Promise<Finding[]> {
  const withheld = await unlessRefused(() => readLeadAccess(context), { may: true, obstacles: [] })
  const subscribed = await unlessRefused(() => isSubscribed(context), false)
  return [
    ...permissions
      .filter(({ name }) => !context.scopes.includes(name))
      .map(({ name, without, fatal }) => ({
        code: 'missing_permission',
        fatal,
        text: `The permission ${name} was not given for this page: ${without}. Connect the page again and allow it.`,
      })),
    ...withheld.obstacles.map((text) => ({ code: 'leads_withheld', fatal: true, text })),
    ...(subscribed
      ? []
      : [
          {
            code: 'not_subscribed',
            fatal: false,
            text: 'Meta does not report new leads of this page to us; they are found up to half an hour later. Connect the page again.',
          },
        ]),
  ]
}
