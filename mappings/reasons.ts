/**
 * Every stable reason code with its text for the customer: why an event was not sent, why a field was left out. Codes are
 * stored and may be matched on, so they never change; texts may. A text says what happened, what it means and what to do.
 * `{name}` stands for a parameter. A translation is another record with the same keys.
 */

/** Ledger outcomes that a reason can explain. */
export type ReasonOutcome = 'waiting' | 'suppressed' | 'expired' | 'rejected' | 'unconfirmed'

interface Reason {
  outcome: ReasonOutcome
  text: string
}

/** Why a lead-stage record did not (or not yet) become a sent event. */
export const reasons = {
  // ------------------------------------------------------------------------------------------------------- the stage
  stage_unmapped: {
    outcome: 'suppressed',
    text: 'The stage "{stage}" is not in the stage mapping, so nothing was sent. Add it to the mapping if it should count.',
  },
  stage_off: {
    outcome: 'suppressed',
    text: 'The stage "{stage}" is switched off in the stage mapping, so nothing was sent. Give it an event name if it should count.',
  },
  stage_negative: {
    outcome: 'suppressed',
    text: 'The stage "{stage}" is marked as a lost or disqualified outcome, which Meta wants kept out of the funnel. Nothing to do.',
  },
  stage_vanished: {
    outcome: 'suppressed',
    text: 'The stage "{stage}" no longer exists in the CRM, so nothing was sent. Open the stage mapping and choose the stage that took its place.',
  },
  raw_lead_off: {
    outcome: 'suppressed',
    text: 'The event for new leads is switched off, so nothing was sent. Meta wants every lead reported from the start: switch it on again.',
  },
  already_reached: {
    outcome: 'suppressed',
    text: 'This lead reached "{eventName}" before, and the first time is the one that counts. Nothing to do, unless repeats should be sent: that is a setting.',
  },
  moved_backward: {
    outcome: 'suppressed',
    text: 'The lead moved back to "{eventName}" after reaching "{later}", so nothing was sent. Nothing to do, unless backward moves should be sent: that is a setting.',
  },

  // -------------------------------------------------------------------------------------------------------- the lead
  test_lead: {
    outcome: 'suppressed',
    text: 'This is a test lead, and test leads are never reported. Nothing to do.',
  },
  consent_missing: {
    outcome: 'suppressed',
    text: 'The consent rule does not hold for this record ("{field}"), so nothing was sent. Record the consent in the CRM if it was given.',
  },
  opted_out: {
    outcome: 'suppressed',
    text: 'The person opted out ("{field}"), so nothing is sent for this record. Nothing to do.',
  },
  waiting_for_lead: {
    outcome: 'waiting',
    text: 'No Meta lead is known for this record yet. It is looked up again for seven days; writing the Meta lead id into the CRM record settles it at once.',
  },
  waiting_for_crm: {
    outcome: 'waiting',
    text: 'Meta is told which CRM a lead comes from, and no CRM is connected yet. Connect it within seven days, and give it a route to the dataset.',
  },
  no_meta_lead: {
    outcome: 'suppressed',
    text: 'Nothing shows that this record came from a Meta form, so nothing was sent. Store the Meta lead id in the CRM, or confirm the lead source in the settings.',
  },
  no_lead_id: {
    outcome: 'suppressed',
    text: 'The record has no valid Meta lead id, and the settings allow nothing else to be sent. Store the Meta lead id in the CRM.',
  },
  no_match_key: {
    outcome: 'suppressed',
    text: 'The record has no usable Meta lead id, e-mail address, phone number or click id, so Meta could not tell who it is. Add one of them in the CRM.',
  },
  ambiguous_lead: {
    outcome: 'suppressed',
    text: 'The record fits the leads of several people, and we never guess. Write the right Meta lead id into the CRM record.',
  },
  record_gone: {
    outcome: 'suppressed',
    text: 'The record was deleted in the CRM before it could be read, so nothing was sent. Restore it there if that was a mistake.',
  },
  erased: {
    outcome: 'suppressed',
    text: 'The person asked to be forgotten. Their data was deleted here and nothing more is sent. Nothing to do.',
  },

  // -------------------------------------------------------------------------------------------------------- the time
  before_lead: {
    outcome: 'suppressed',
    text: 'The stage change is older than the lead itself, and Meta discards such events. It belongs to an earlier life of the record. Nothing to do.',
  },
  ahead_of_clock: {
    outcome: 'waiting',
    text: 'The time of the stage change lies a little in the future. It is sent as soon as that time has come. Nothing to do.',
  },
  in_future: {
    outcome: 'suppressed',
    text: 'The time of the stage change lies more than five minutes in the future, and times are never altered. Check the clock of whatever writes to the CRM.',
  },
  too_old: {
    outcome: 'suppressed',
    text: 'The stage change is older than the seven days that Meta accepts, so it could not be sent. Changes from now on are not affected.',
  },
  expired_too_old: {
    outcome: 'expired',
    text: 'The event waited so long that it passed the seven days that Meta accepts. Look for what held it up: a paused connection, or a dataset to be reconnected.',
  },

  // ------------------------------------------------------------------------------------------- the route and the way
  route_shadow: {
    outcome: 'suppressed',
    text: 'The route to this dataset is a dry run: everything happened but the sending. Set the route live to send.',
  },
  route_filtered: {
    outcome: 'suppressed',
    text: 'The filter of the route leaves this record out, so nothing was sent. Change the filter if it should count.',
  },
  route_removed: {
    outcome: 'suppressed',
    text: 'The route to this dataset was removed before the event was sent. Add the route again for changes from then on.',
  },
  connection_paused: {
    outcome: 'suppressed',
    text: 'The connection is paused, so nothing was sent. Resume it in the settings.',
  },
  connection_removed: {
    outcome: 'suppressed',
    text: 'The connection to the CRM was removed before the event was sent. Connect the CRM again for changes from then on.',
  },
  unreadable_change: {
    outcome: 'rejected',
    text: 'The change could not be read after {attempts} attempts and was set aside ({error}). Retry it, or report it to support with this text.',
  },
  crm_refused: {
    outcome: 'rejected',
    text: 'The CRM refused to show this record ({error}). Check that the connected user may read it, then retry.',
  },

  // ------------------------------------------------------------------------------------------------------------ Meta
  dataset_reconnect: {
    outcome: 'waiting',
    text: 'Meta no longer accepts the access token of this dataset. Events are kept and go out after a new token is entered; after seven days they are lost.',
  },
  dataset_permission: {
    outcome: 'waiting',
    text: 'The access token may not send to this dataset. Events are kept; give the token access in Meta Business settings within seven days.',
  },
  dataset_configuration: {
    outcome: 'waiting',
    text: 'Meta does not know this dataset or does not accept it as it is set up ({error}). Events are kept; check the dataset id within seven days.',
  },
  dataset_stopped: {
    outcome: 'waiting',
    text: 'Meta refused several different events with the same unknown error ({error}), so sending was stopped to lose nothing. Events are kept; contact support.',
  },
  throttled: {
    outcome: 'waiting',
    text: 'Meta asked us to slow down. The event is sent when the time that Meta named has passed. Nothing to do.',
  },
  meta_unavailable: {
    outcome: 'waiting',
    text: 'Meta could not be reached or had a fault. The event is sent again by itself. Nothing to do.',
  },
  rejected_by_meta: {
    outcome: 'rejected',
    text: 'Meta refused this event: {error}. Correct the record or the settings that it names, then retry.',
  },
  count_short: {
    outcome: 'unconfirmed',
    text: 'Meta confirmed fewer events than were sent, also on the second try, and does not say which. The event probably counts; see Diagnostics in Events Manager.',
  },
} as const satisfies Record<string, Reason>
export type ReasonCode = keyof typeof reasons

/** Why a field was left out of an event that may still be sent. */
export const fieldNotes = {
  already_md5: 'The value is an MD5 hash; Meta takes SHA-256 only, so it was left out. Store the plain value or its SHA-256.',
  email_invalid: 'The e-mail address is not valid, so it was left out. Correct it in the CRM.',
  phone_invalid: 'The phone number is not valid, so it was left out. Correct it in the CRM.',
  phone_no_country:
    'The phone number has no country code and the country is unknown, so it was left out. Write it as +…, or set a default country.',
  name_unusable: 'The name holds no letters, so it was left out. Correct it in the CRM.',
  gender_unknown: 'The gender is neither female nor male as Meta knows it, so it was left out. Nothing to do.',
  birth_date_invalid: 'The date of birth is not a date or leaves day and month open, so it was left out. Write it as YYYY-MM-DD.',
  city_unusable: 'The city holds no letters, so it was left out. Correct it in the CRM.',
  state_unusable: 'The state holds no letters, so it was left out. Correct it in the CRM.',
  postal_code_unusable: 'The postal code is too short to be one, so it was left out. Correct it in the CRM.',
  country_unknown: 'The country is not one that ISO 3166 knows, so it was left out. Use the two-letter code.',
  external_id_unusable: 'The external id is empty but for spaces, so it was left out.',
  lead_id_rounded:
    'The Meta lead id went through a number field and lost digits (it holds ".", "," or "E"), so it was left out. Keep it in a text field.',
  lead_id_too_short:
    'The Meta lead id has fewer than 15 digits, so it was left out. Check that the field holds the lead id, not a form or ad id.',
  lead_id_too_long: 'The Meta lead id has more than 17 digits, so it was left out. Check that the field holds nothing but the lead id.',
  lead_id_not_digits:
    'The Meta lead id is not a number, so it was left out. Check that the field holds the id from Meta, not the CRM’s own.',
  click_id_invalid: 'The click id is not one that Meta issues, so it was left out. Nothing to do.',
  click_id_no_time: 'It is unknown when the click id was first seen, and Meta needs that, so it was left out. Nothing to do.',
  amount_missing: 'The stage should carry an amount, but the record has none. The event goes without it.',
  amount_invalid: 'The amount is not a number of zero or more, so it was left out. Correct it in the CRM.',
  currency_unknown: 'The amount has no currency that ISO 4217 knows, so it was left out. Set the currency in the CRM.',
} as const satisfies Record<string, string>
export type FieldNoteCode = keyof typeof fieldNotes

/** A field that was left out: its name as Meta spells it (`em`, `ph`, `lead_id`, `value`, …) and why. Holds no value. */
export interface FieldNote {
  field: string
  code: FieldNoteCode
}

const fill = (text: string, params: Readonly<Record<string, string | number>>) =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name] ?? '…'))

/** The customer's text of a reason; parameters that were not given show as "…". `texts` may be a translation. */
export const reasonText = (
  code: ReasonCode,
  params: Readonly<Record<string, string | number>> = {},
  texts: Readonly<Record<ReasonCode, { text: string }>> = reasons,
): string => fill(texts[code].text, params)

/** The customer's text of a field that was left out. `texts` may be a translation. */
export const fieldNoteText = (code: FieldNoteCode, texts: Readonly<Record<FieldNoteCode, string>> = fieldNotes): string => texts[code]
