/** Which data of a HubSpot account goes where, and by which scope. */
import { install, scope, scopes } from '../../../connectors/hubspot/install.ts'
import { api } from '../../../connectors/hubspot/version.ts'
import { exampleEvent } from './example-event.ts'
import { hubspotRequests, uses } from './hubspot-reads.ts'
import { code, notice, page, table } from './markdown.ts'

export async function hubspotSharingPage(): Promise<string> {
  const calls = await hubspotRequests()
  const names = Object.keys(scope) as (keyof typeof scope)[]
  return page(
    notice('What is read, kept and sent'),
    `## Scopes\n\n${code('oauth')} is on every app. Each of the others, with the calls that it is for:`,
    table(
      ['scope', 'asked for', 'data', 'direction', 'why', 'calls'],
      names.map((name) => {
        const { object, access, reason, calls: fits } = uses[name]
        const used = calls.map(({ method, path }) => `${method} ${path}`).filter((call) => fits.test(call))
        const required = (scopes.required as readonly string[]).includes(scope[name])
        const direction = access === 'read' ? 'HubSpot to app' : 'app to HubSpot'
        return [code(scope[name]), required ? 'always' : 'optional', object, direction, reason, used.map(code).join(', ')]
      }),
    ),
    `People are asked, in these words, to let Leadstage:\n\n${install.asks.map((ask) => `- ${ask}`).join('\n')}`,
    `## Read from an account\n\nREST API of version ${api.version}. The table was made by having the connector do all it does, once:`,
    table(
      ['call', 'properties'],
      calls
        .filter(({ properties }) => properties.length > 0)
        .map(({ method, path, properties }) => [code(`${method} ${path}`), properties.map(code).join(', ')]),
    ),
    'Beside these, properties that the customer names (Meta lead id, consent). Webhooks tell of stages, of the Meta lead id, and of contacts that were created, merged, deleted, restored or erased; of a webhook only ids, times and the values of stages are kept.',
    '## Sent to Meta\n\nTo the dataset that the customer connected, by HTTPS, and nowhere else. One event for each stage that a lead reaches for the first time; of an invented person (hashes are SHA-256, cut short here):',
    `\`\`\`json\n${exampleEvent()}\n\`\`\``,
    'The customer decides which leads count, which stages are sent, whether contact data is sent hashed or the lead id alone, and which consent property has to say yes. The amount of a deal is sent only for stages that ask for it.',
    '## The way of the data\n\nHubSpot → webhook (signed) → stored sealed → looked up by the API → hashed → Meta. The extensions inside HubSpot read settings, counts and stories of records from the server, through HubSpot, which signs each request; contact data and its hashes are not in any of these answers.',
    '## Kept\n\n[What is held about people](../../../server/leads/README.md) names every table, what of people it holds, why and for how long, what being forgotten does, and what happens when an account leaves. It is tested against the database; hand it in with this page.',
  )
}
