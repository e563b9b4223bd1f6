/**
 * The words for everything that has a code, in one catalogue: reasons and field notes come from the mapping room, notices and
 * outcomes are here. A translation is another catalogue with the same keys; codes are stored and never change.
 */
import { z } from 'zod'
import { fieldNotes, reasons } from '../../../mappings/reasons.ts'
import { answers, ok } from './answers.ts'
import type { ApiServer } from './tools.ts'

/** What the page can do about a notice. */
export const noticeAction = z
  .enum(['reconnect', 'renew_token', 'resume_dataset', 'check', 'stages', 'retry_quarantine', 'activity', 'connection'])
  .meta({ id: 'NoticeAction' })
export type NoticeAction = z.infer<typeof noticeAction>

interface NoticeWords {
  /** In a few words; the text of a notice says the rest. */
  title: string
  /** Null: there is nothing to press. */
  action: NoticeAction | null
}

/** By code; with the kind of subject before it where a code means something else there. */
export const notices: Readonly<Record<string, NoticeWords>> = {
  reconnect: { title: 'The CRM no longer accepts our access', action: 'reconnect' },
  'dataset:reconnect': { title: 'Meta no longer accepts our access', action: 'renew_token' },
  removal_ahead: { title: 'The connection is about to end', action: 'reconnect' },
  missing_scope: { title: 'A permission is missing in the CRM', action: 'reconnect' },
  forbidden: { title: 'The connected user may not read what is needed', action: 'check' },
  api_disabled: { title: 'The CRM does not allow requests', action: 'check' },
  unknown_field: { title: 'A field is missing in the CRM', action: 'check' },
  unknown_object: { title: 'Something is missing in the CRM', action: 'check' },
  read_only: { title: 'The CRM is read-only', action: 'check' },
  allocation_low: { title: 'The daily requests of the CRM are running out', action: 'connection' },
  allocation_used_up: { title: 'The daily requests of the CRM are used up', action: 'connection' },
  packets_expiring: { title: 'Changes will soon be too old', action: 'connection' },
  catch_up: { title: 'The history of the CRM could not be read', action: 'check' },
  poll: { title: 'The CRM could not be asked for changes', action: 'check' },
  quiet: { title: 'Unusually quiet', action: 'check' },
  expiring: { title: 'Events will soon be too old for Meta', action: 'renew_token' },
  token_ends: { title: 'The access to the dataset ends soon', action: 'renew_token' },
  access_lost: { title: 'Meta does not show us the dataset any more', action: 'renew_token' },
  not_crm_dataset: { title: 'Events may not count in this dataset', action: 'renew_token' },
  left: { title: 'The access to the dataset was given back', action: 'renew_token' },
  permission: { title: 'Meta does not let us send to the dataset', action: 'renew_token' },
  configuration: { title: 'The dataset is not set up as Meta wants it', action: 'renew_token' },
  unknown_error: { title: 'Meta refuses events for a reason that is not known', action: 'resume_dataset' },
  leads_missing: { title: 'Leads of Meta did not reach the CRM', action: 'activity' },
  write_back: { title: 'Lead ids cannot be written into the CRM', action: 'reconnect' },
  count_short: { title: 'Meta counted fewer events than were sent', action: 'activity' },
  tombstones_lost: { title: 'Who asked to be forgotten is not known any more', action: null },
}

/** Of a code that is not in the catalogue: CRMs have codes of their own for what only their admins can mend. */
export function noticeWords({ code, subject }: { code: string; subject: string }): NoticeWords {
  const special = `${subject.split(':')[0]}:${code}`
  const known = Object.hasOwn(notices, special) ? special : code
  return (Object.hasOwn(notices, known) && notices[known]) || { title: 'Something needs your attention', action: 'check' }
}

export const outcomes = {
  pending: 'On its way',
  sent: 'Sent to Meta',
  unconfirmed: 'Sent, not confirmed',
  waiting: 'Waiting',
  suppressed: 'Not sent',
  rejected: 'Refused',
  expired: 'Too old',
} as const

export const words = z
  .object({
    reasons: z.record(
      z.string(),
      z.object({ outcome: z.string(), text: z.string().meta({ description: '{name} stands for a parameter' }) }),
    ),
    fieldNotes: z.record(z.string(), z.string()),
    notices: z.record(z.string(), z.object({ title: z.string(), action: noticeAction.nullable() })),
    outcomes: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Words' })

export function wordRoutes(server: ApiServer): void {
  server.get(
    '/words',
    {
      config: { for: 'anybody' },
      schema: {
        operationId: 'getWords',
        tags: ['words'],
        summary: 'The words for all codes: reasons, notes on fields, notices, outcomes',
        response: answers(words),
      },
    },
    async () => ok({ reasons, fieldNotes, notices, outcomes }),
  )
}
