import { addWebhookConnection, type NewWebhookConnection, type WebhookAddress } from '../settings/webhook-connection.ts'
import { curlLine } from './curl-line.ts'
import { print } from './output.ts'
import { withTools } from './tools.ts'

/** `connection add` for CRMs that are given an address. */
export async function addWebhook(given: NewWebhookConnection, json: boolean | undefined): Promise<void> {
  const added = await withTools(({ caller, config, ...tools }) =>
    addWebhookConnection(caller, given, { ...tools, publicUrl: config.publicUrl }),
  )
  print(json, { ...added, curl: curlLine(added) }, () =>
    [
      `Connection ${added.id} is there.`,
      `Address: ${added.address}`,
      `Secret:  ${added.secret}`,
      'The secret is not shown again. Keep both to yourself.',
      ...added.findings.map(({ fatal, text }) => `${fatal ? 'Problem' : 'Note'}: ${text}`),
      ...tryIt(added),
      `Next: route set --connection ${added.id} --dataset <dataset>; its stages show in mapping show ${added.id} once they have arrived`,
    ].join('\n'),
  )
}

/** How to try an address, line by line. */
export function tryIt(found: WebhookAddress): string[] {
  const curl = curlLine(found)
  return curl === undefined ? [] : ['Try it (a signature holds for five minutes):', curl]
}
