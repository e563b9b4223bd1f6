/** Whether Meta reports the leads of a page to our app (Meta, webhooks for leadgen: each page installs the app). */
import { z } from 'zod'
import type { ConnectionContext } from '../connector.ts'
import { readReply } from './errors.ts'

const FIELD = 'leadgen'
const apps = z.object({ data: z.array(z.object({ subscribed_fields: z.array(z.string()).catch([]) })) })

const edgeOf = (page: string) => `/${page}/subscribed_apps`

/** See `AppPush.ensure`. */
export async function subscribe({ client, account }: ConnectionContext): Promise<void> {
  await client.request({ method: 'POST', url: edgeOf(account), form: { subscribed_fields: FIELD } })
}

export async function isSubscribed({ client, account }: ConnectionContext): Promise<boolean> {
  const { body } = await client.request({ method: 'GET', url: edgeOf(account), query: { fields: 'subscribed_fields' } })
  return readReply(apps, body).data.some(({ subscribed_fields }) => subscribed_fields.includes(FIELD))
}
