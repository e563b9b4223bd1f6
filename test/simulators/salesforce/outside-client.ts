/**
 * A Pub/Sub client that nobody here wrote, as a process of its own because it leaves streams open: prints what it is told by a channel
 * as JSON lines, from the earliest change on. Arguments: host and port, org id, access token, channel.
 */
import PubSubApiClient from 'salesforce-pubsub-api-client'

const [, , pubSubEndpoint = '', organizationId = '', accessToken = '', channel = ''] = process.argv
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const client = new PubSubApiClient(
  {
    authType: 'user-supplied',
    accessToken,
    // Never dialled.
    instanceUrl: 'https://acme.my.salesforce.com',
    organizationId,
    pubSubEndpoint,
    rejectUnauthorizedSsl: false,
  },
  silent,
)
await client.connect()
client.subscribeFromEarliestEvent(channel, (_subscription, type, data) => {
  const line = JSON.stringify({ type, data }, (_key, value) => (typeof value === 'bigint' ? String(value) : value))
  process.stdout.write(`${line}\n`)
})
process.once('SIGTERM', () => process.exit(0))
