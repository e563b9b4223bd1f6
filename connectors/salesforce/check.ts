/** What an org lacks, in the words of its Setup. Each question stands alone: what may not be asked is passed over or told as unknown. */
import { z } from 'zod'
import type { ConnectionContext, Finding } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { readReply } from './errors.ts'
import { type Field, has, readFields } from './fields.ts'
import { contactFields, mappedFields } from './identity.ts'
import { judgeLeadIdField } from './lead-id-field.ts'
import { lead, opportunity } from './objects.ts'
import { labels } from './package.ts'
import { queryIfThere, quote, text } from './query.ts'
import type { SalesforceSettings } from './settings.ts'
import { readTracking } from './tracking.ts'
import { root } from './version.ts'

type Context = ConnectionContext<SalesforceSettings>

/** From this share of an allocation on it is told. */
const NEARLY = 0.8

/** See `Connector.check`. */
export async function check(context: Context): Promise<Finding[]> {
  try {
    const findings = await Promise.all([
      checkScopes(context),
      checkFields(context),
      checkTracking(context),
      checkAllocations(context),
      ...(context.settings.changes === 'stream' ? [checkEdition(context), checkChannel(context), checkViewAll(context)] : []),
    ])
    return findings.flat()
  } catch (error) {
    // Without API access there is nothing else to be found out.
    if (error instanceof CodedError && error.code === 'api_disabled') return [{ code: error.code, fatal: true, text: error.userText }]
    throw error
  }
}

function checkScopes({ scopes }: Context): Finding[] {
  if (scopes.includes('api') || scopes.includes('full')) return []
  return [
    {
      code: 'missing_scope',
      fatal: true,
      text: 'Salesforce did not grant the permission "Manage user data via APIs (api)". Connect the org again and allow it.',
    },
  ]
}

async function checkFields({ client, settings, ruleFields }: Context): Promise<Finding[]> {
  const [ofLead, ofOpportunity] = await Promise.all([readFields(client, lead), readFields(client, opportunity)])
  if (ofLead === undefined)
    return [
      {
        code: 'leads_hidden',
        fatal: true,
        text: 'The connected user does not see leads. Give that user the permissions Read and View All Records on Lead and Opportunity.',
      },
    ]
  const lost = [
    ...mappedFields(settings).filter((name) => name !== settings.leadIdField && !has(ofLead, name)),
    ...ruleFields.filter((name) => !has(ofLead, name) && !has(ofOpportunity, name)),
  ]
  return [
    ...judgeLeadIdField(ofLead, settings.leadIdField),
    ...lost.map((name) => ({
      code: 'field_hidden',
      fatal: true,
      text: `The connected user does not see the field "${name}", which the settings name. Either it was deleted, or field-level security hides it. Nothing is sent until it is visible or the settings name another.`,
    })),
    ...judgeContactFields(ofLead),
    ...(ofOpportunity === undefined
      ? [
          {
            code: 'opportunities_hidden',
            fatal: false,
            text: 'The connected user does not see opportunities, so leads are followed to their conversion only. Give that user the permissions Read and View All Records on Opportunity.',
          },
        ]
      : []),
  ]
}

function judgeContactFields(fields: readonly Field[]): Finding[] {
  const hidden = contactFields.filter((name) => !has(fields, name))
  if (hidden.length === 0) return []
  return [
    {
      code: 'contact_fields_hidden',
      fatal: false,
      text: `The connected user does not see the lead fields ${hidden.join(', ')}. Leads are recognised less often without them: make them visible in a permission set of that user, unless that is on purpose.`,
    },
  ]
}

async function checkTracking({ client, settings }: Context): Promise<Finding[]> {
  const tracking = await readTracking(client)
  if (tracking === 'on') return []
  const lost =
    settings.changes === 'stream'
      ? 'What happens to lead statuses while the connection is interrupted for long cannot be dated'
      : 'A lead is only seen as it is once a minute: statuses between two looks are missed, and their times are those of the last edit'
  return [
    {
      code: tracking === 'off' ? 'tracking_off' : 'tracking_hidden',
      fatal: false,
      text:
        tracking === 'off'
          ? `Salesforce does not keep the history of lead statuses. ${lost}. Switch it on under Setup, Object Manager, Lead, Fields & Relationships, Set History Tracking: tick Lead Status. Opportunities need nothing.`
          : `The connected user may not read the history of leads. ${lost}. Give that user read access to leads, and check that history tracking of Lead Status is on.`,
    },
  ]
}

const limits = z.record(z.string(), z.object({ Max: z.number(), Remaining: z.number() }).catch({ Max: 0, Remaining: 0 }))

async function checkAllocations({ client, settings }: Context): Promise<Finding[]> {
  // It takes the right "View Setup and Configuration" (REST API guide, limits).
  const { status, body } = await client.request({ method: 'GET', url: `${root}/limits`, expect: [403, 404] })
  if (status !== 200) return []
  const all = readReply(limits, body)
  const share = (name: string) => {
    const { Max = 0, Remaining = 0 } = all[name] ?? {}
    return Max > 0 ? 1 - Remaining / Max : 0
  }
  const percent = (used: number) => `${Math.round(used * 100)} %`
  const [requests, events] = [share('DailyApiRequests'), settings.changes === 'stream' ? share('DailyDeliveredPlatformEvents') : 0]
  const findings: Finding[] = []
  if (requests >= NEARLY)
    findings.push({
      code: 'api_allocation_low',
      fatal: false,
      text: `${percent(requests)} of the API requests that your org may make in 24 hours are used, by all software together. At the limit Leadstage waits until some are free. See Setup, Company Information.`,
    })
  if (events >= NEARLY)
    findings.push({
      code: 'event_allocation_low',
      fatal: false,
      text: `${percent(events)} of the change events that Salesforce delivers to your org in 24 hours are used, by all software together. Beyond that changes come late: they are told again within three days, or found in the history. Salesforce sells more.`,
    })
  return findings
}

/** Editions whose orgs have no change events; all above them have (Change Data Capture guide). */
const withoutEvents = /^(Personal|Contact Manager|Group|Base|Team|Essentials|Starter|Professional)\b/

async function checkEdition({ client }: Context): Promise<Finding[]> {
  const [org] = (await queryIfThere(client, 'SELECT OrganizationType FROM Organization')) ?? []
  const edition = text(org?.OrganizationType)
  if (edition === undefined || !withoutEvents.test(edition)) return []
  return [
    {
      code: 'no_change_events',
      fatal: true,
      text: `Salesforce ${edition} does not tell other software of changes as they happen. Set how changes arrive to polling in the settings: then Leadstage asks once a minute.`,
    },
  ]
}

/** Events that our channel has to carry. */
const wanted = [
  ['LeadChangeEvent', 'leads'],
  ['OpportunityChangeEvent', 'opportunities'],
] as const

async function checkChannel({ client, settings }: Context): Promise<Finding[]> {
  const members = await queryIfThere(client, 'SELECT EventChannel, SelectedEntity FROM PlatformEventChannelMember', { tooling: true })
  // Other channels (all selected entities, one entity) are no custom ones and have no members of this kind.
  const channel = settings.channel.slice('/data/'.length)
  if (members === undefined || !channel.endsWith('__chn')) return []
  const carried = members.filter((row) => row.EventChannel === channel).map((row) => text(row.SelectedEntity))
  if (carried.length === 0) {
    // A package may have put its namespace before the name.
    const namespaced = members.map((row) => text(row.EventChannel)).find((name) => name?.endsWith(`__${channel}`))
    const remedy = namespaced ? `Set the channel to "/data/${namespaced}"` : `Install the ${labels.package} package`
    return [
      {
        code: 'channel_missing',
        fatal: true,
        text: `There is no channel "${channel}" for change events in this org. ${remedy}, or set how changes arrive to polling.`,
      },
    ]
  }
  return wanted
    .filter(([entity]) => !carried.includes(entity))
    .map(([, what]) => ({
      code: 'channel_incomplete',
      fatal: false,
      text: `The channel "${channel}" does not carry changes of ${what}. Install the current version of the ${labels.package} package.`,
    }))
}

/**
 * On a channel of several objects Salesforce withholds, without a word, what the user may not see whole (Change Data Capture
 * guide, required permissions).
 */
async function checkViewAll({ client }: Context): Promise<Finding[]> {
  const missing = await readMissingViewAll(client).catch(unlessRefused)
  if (missing?.length === 0) return []
  return [
    missing === undefined
      ? {
          code: 'view_all_unknown',
          fatal: false,
          text: 'It could not be checked whether the connected user has "View All Records" on Lead and Opportunity. Without it Salesforce keeps changes back and does not say so: check the permission sets of that user.',
        }
      : {
          code: 'view_all_missing',
          fatal: true,
          text: `The connected user does not have "View All Records" on ${missing.join(' and ')}. Without it Salesforce keeps changes back and does not say so. Add it in a permission set of that user, or set how changes arrive to polling: then Leadstage sees what that user sees.`,
        },
  ]
}

/** Who may not ask is not told: that is no finding of its own. */
function unlessRefused(error: unknown): undefined {
  if (error instanceof CodedError && error.retry === 'never' && error.code !== 'api_disabled') return undefined
  throw error
}

/** Objects without the permission; undefined where that cannot be told. */
async function readMissingViewAll(client: Context['client']): Promise<string[] | undefined> {
  // The list of resources names who asks; the scope for more about the user is not needed.
  const { status, body } = await client.request({ method: 'GET', url: root, expect: [403, 404] })
  const { identity } = status === 200 ? readReply(z.object({ identity: z.string().optional() }), body) : {}
  const [, user] = /\/(005\w{12}(?:\w{3})?)$/.exec(identity ?? '') ?? []
  if (user === undefined) return undefined
  const assigned = await queryIfThere(
    client,
    `SELECT PermissionSetId, PermissionSet.PermissionsViewAllData FROM PermissionSetAssignment WHERE AssigneeId = ${quote(user)}`,
  )
  // Every user has the set of the own profile: none at all means that they are hidden.
  if (assigned === undefined || assigned.length === 0) return undefined
  if (assigned.some((row) => (row.PermissionSet as { PermissionsViewAllData?: unknown } | null)?.PermissionsViewAllData === true)) return []
  const sets = assigned.flatMap((row) => text(row.PermissionSetId) ?? [])
  const granted = await queryIfThere(
    client,
    `SELECT SobjectType FROM ObjectPermissions WHERE SobjectType IN ('Lead', 'Opportunity') AND PermissionsViewAllRecords = true AND ParentId IN (${sets.map(quote).join(',')})`,
  )
  return granted && ['Lead', 'Opportunity'].filter((name) => !granted.some((row) => row.SobjectType === name))
}
