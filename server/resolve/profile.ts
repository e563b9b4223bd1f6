/** What is kept of a record from what the CRM showed. Pure. */
import type { RecordSnapshot } from '../../connectors/connector.ts'
import type { Rules } from '../../mappings/rules.ts'
import { type HashedIdentity, hashIdentity } from '../../mappings/user-data.ts'
import type { Profile } from '../leads/records.ts'

/** The profile after a snapshot; a partial one adds to what is known. `now` in ms. */
export function profileOf(snapshot: RecordSnapshot, known: Profile | null, rules: Rules, now: number): Profile {
  const shown = snapshot.identity && hashIdentity(snapshot.identity, rules, now)
  const identity = shown && known?.identity && snapshot.partial ? together(known.identity, shown, rules) : (shown ?? known?.identity)
  const amount = snapshot.amount ?? (snapshot.partial ? known?.amount : undefined)
  return {
    fields: snapshot.partial ? { ...known?.fields, ...snapshot.fields } : snapshot.fields,
    ...(identity && { identity }),
    ...(amount && { amount }),
  }
}

/** The rule may have changed since the known keys were taken. */
function together(known: HashedIdentity, shown: HashedIdentity, { whichLeads }: Rules): HashedIdentity {
  const { lead_id } = known.userData
  const kept = whichLeads === 'lead_id_only' ? { ...(lead_id !== undefined && { lead_id }) } : known.userData
  return { ...shown, userData: { ...kept, ...shown.userData }, limitedDataUse: shown.limitedDataUse ?? known.limitedDataUse }
}
