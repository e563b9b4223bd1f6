import { addWebhookConnection, type NewWebhookConnection, type WebhookAddress } from '../settings/webhook-connection.ts'
import type { ShownSample } from '../settings/webhook-sample.ts'
import { curlLine } from './curl-line.ts'
import { print, table, time } from './output.ts'
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
  return curl === undefined ? [] : ['Try it (a signature holds for five minutes; nothing of it goes to Meta, its time is too old):', curl]
}

/** A sample request for a person; without one, what has to happen. */
export function describeSample(id: number, sample: ShownSample | undefined): string {
  if (sample === undefined) return 'The next request is kept for a day. Have one sent (from five seconds on), then repeat this command.'
  const { at, lists, fields } = sample
  return [
    `Received ${time(at)}.`,
    ...(lists.length > 0 ? [`Lists, for the setting "records": ${lists.join(', ')}`] : []),
    table(
      ['path in the first record', 'value'],
      fields.map(({ path, value }) => [path, value]),
      'No record can be seen in it.',
    ),
    `Next: connection settings ${id} --set - <<< '{"paths": {"record_id": "…", "stage": "…"}}'`,
  ].join('\n')
}
