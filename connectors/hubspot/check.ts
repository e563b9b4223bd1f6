import type { ConnectionContext, Finding } from '../connector.ts'
import { scope, scopes } from './install.ts'
import { readLeadIdFieldType, unfitText } from './lead-id-field.ts'
import type { HubspotSettings } from './settings.ts'

/** See `Connector.check`: permissions first, then the property for the Meta lead id. */
export async function check(context: ConnectionContext<HubspotSettings>): Promise<Finding[]> {
  return [...checkScopes(context.scopes), ...(await checkLeadIdField(context))]
}

/** `oauth` is left out: whoever holds a token has it, and HubSpot need not list it. */
function checkScopes(granted: readonly string[]): Finding[] {
  const missing = scopes.required.filter((it) => it !== 'oauth' && !granted.includes(it))
  const findings: Finding[] = []
  if (missing.length > 0)
    findings.push({
      code: 'missing_scope',
      fatal: true,
      text: `HubSpot did not grant permissions that Leadstage needs: ${missing.join(', ')}. Connect the account again and grant them.`,
    })
  if (!granted.includes(scope.readLeads))
    findings.push({
      code: 'leads_not_granted',
      fatal: false,
      text: `Stages of HubSpot's lead object are not available, because ${scope.readLeads} was not granted. It takes Sales Hub Professional or Enterprise; without that object nothing is missing.`,
    })
  return findings
}

async function checkLeadIdField(context: ConnectionContext<HubspotSettings>): Promise<Finding[]> {
  const name = context.settings.leadIdField
  const type = await readLeadIdFieldType(context)
  if (type === 'string' || type === 'hidden') return []
  if (type !== 'missing') return [{ code: 'lead_id_field_unfit', fatal: false, text: unfitText(name, type) }]
  const remedy = context.scopes.includes(scope.writeContactProperties)
    ? 'Leadstage can create it for you'
    : `Create it in HubSpot as a single-line text property, or grant ${scope.writeContactProperties} and let Leadstage create it`
  return [
    {
      code: 'lead_id_field_missing',
      fatal: false,
      text: `There is no contact property "${name}" for the Meta lead ID. ${remedy}; or choose another property. Until then leads are matched by contact data only.`,
    },
  ]
}
