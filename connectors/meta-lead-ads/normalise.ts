import type { RecordSnapshot, Signal } from '../connector.ts'
import { LEAD } from './lead.ts'
import { type LeadgenChange, readChange } from './webhook.ts'

/** A lead that was read together with many. */
export interface ShownLead extends LeadgenChange {
  snapshot: RecordSnapshot
}

/** See `Connector.normalise`: a lead that was reported is there to be read; one that was read shows itself. */
export function normalise(changes: readonly unknown[]): Signal[] {
  return changes.flatMap((change): Signal[] => {
    const lead = readChange(change)
    if (lead === undefined) return []
    const ref = { type: LEAD, id: lead.id }
    const { snapshot } = change as Partial<ShownLead>
    return [
      snapshot?.found && snapshot.ref?.id === lead.id
        ? { kind: 'shown', ref, occurredAt: lead.at, snapshot }
        : { kind: 'seen', ref, occurredAt: lead.at },
    ]
  })
}
