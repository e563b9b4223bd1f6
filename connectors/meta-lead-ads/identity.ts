import type { LeadIdentity } from '../record.ts'

/** The answers of a form by the names of its questions. */
export type Answers = Readonly<Record<string, readonly string[]>>

/**
 * The person as a form's standard questions tell (Meta, lead ads: contact and user information); nothing is normalised here. Forms
 * name their own questions as they like: those are not looked at.
 */
export function readIdentity(leadId: string, answers: Answers): LeadIdentity {
  const all = (...names: string[]) => {
    const found = [...new Set(names.flatMap((name) => answers[name] ?? []).map((text) => text.trim()))].filter((text) => text !== '')
    return found.length > 0 ? found : undefined
  }
  const one = (...names: string[]) => all(...names)?.[0]
  const [first, last, ...more] = one('full_name')?.split(/\s+/) ?? []
  // Of more than two words nobody knows where the first name ends.
  const whole = last !== undefined && more.length === 0 ? { first, last } : undefined
  const identity: LeadIdentity = {
    metaLeadId: leadId,
    emails: all('email', 'work_email'),
    phones: all('phone_number', 'phone', 'work_phone_number'),
    firstName: one('first_name') ?? whole?.first,
    lastName: one('last_name') ?? whole?.last,
    gender: one('gender'),
    dateOfBirth: one('date_of_birth'),
    city: one('city'),
    state: one('state', 'province'),
    postalCode: one('zip_code', 'zip', 'post_code'),
    country: one('country'),
  }
  return Object.fromEntries(Object.entries(identity).filter(([, value]) => value !== undefined))
}
