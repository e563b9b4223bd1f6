/** Which data of a Salesforce org goes where, and by which right. */
import { codeFields } from '../../../connectors/salesforce/identity.ts'
import { install } from '../../../connectors/salesforce/install.ts'
import * as brought from '../../../connectors/salesforce/package.ts'
import { api } from '../../../connectors/salesforce/version.ts'
import { exampleEvent } from './example-event.ts'
import { code, notice, page, table } from './markdown.ts'
import { salesforceReads } from './salesforce-reads.ts'

/** What each scope is for. */
const reasons: Record<string, [metadata: string, reason: string]> = {
  api: [
    'Api',
    'reads leads, opportunities, their stages and history by REST, and follows change events; there is no narrower scope for either',
  ],
  refresh_token: ['RefreshToken', 'goes on while the admin is away: stages are reached at any time'],
  id: ['Basic', 'tells which org and user agreed, so that a grant cannot be put into the settings of another org'],
}

export async function sharingPage(): Promise<string> {
  const { fields, requests } = await salesforceReads()
  const scopes = [...install.scopes.required, ...install.scopes.optional]
  return page(
    notice('What is read, kept and sent'),
    '## Scopes',
    table(
      ['OAuth scope', 'in the package', 'why'],
      scopes.map((scope) => {
        const [metadata, reason] = reasons[scope] ?? []
        if (metadata === undefined || reason === undefined)
          throw new Error(`Say in test/manifest/kit/salesforce-sharing.ts what the scope ${scope} is for.`)
        return [code(scope), code(metadata), reason]
      }),
    ),
    `People are asked, in these words, to let Leadstage:\n\n${install.asks.map((ask) => `- ${ask}`).join('\n')}`,
    `## Read from an org\n\nREST API and SOQL of version ${api.version}, with the rights of the user who agreed. The table was made by having the connector do all it does, once:`,
    table(
      ['object', 'fields'],
      [...fields].map(([object, names]) => [code(object), names.map(code).join(', ')]),
    ),
    `Beside these, on leads: ${codeFields.map(code).join(', ')} where the org has them, and fields that the customer names (click id, gender, date of birth, consent). Other requests: ${requests.map(code).join(', ')}. The \`PATCH\` writes the Meta lead ID, and nothing else, where the customer switched it on. An admin who opens the page is asked for by \`UserPermissionAccess\`, with the visitor's own token, which is not kept.`,
    `Change events come over the Pub/Sub API from ${code(brought.channel)}: ${code('LeadChangeEvent')} and ${code('OpportunityChangeEvent')}, each with ${code(brought.leadIdField)}. Of an event only the fields above are decoded.`,
    '## Sent to Meta\n\nTo the dataset that the customer connected, by HTTPS, and nowhere else. One event for each stage that a lead reaches for the first time; of an invented person (hashes are SHA-256, cut short here):',
    `\`\`\`json\n${exampleEvent()}\n\`\`\``,
    'The customer decides which leads count, which stages are sent, whether contact data is sent hashed or the lead id alone, and which consent field has to say yes. The amount of an opportunity is sent only for stages that ask for it.',
    '## Kept\n\n[What is held about people](../../../server/leads/README.md) names every table, what of people it holds, why and for how long, what being forgotten does, and what happens when an account leaves. It is tested against the database; hand it in with this page.',
  )
}
