/**
 * What Meta has to be told of the leads of a CRM, and what it may be told, worked out from nothing but what happened there. Pure.
 *
 * The order in which changes arrive is not known here. A stage that comes before any later one has to be reported, whatever
 * arrives first; one that was reached after a later one is reported only if it arrived before that was known.
 */

export interface Contact {
  id: string
  createdAt: number
  reached: { stage: string; at: number }[]
  /** Meta lead ids it was given, the latest last. */
  leadIds: string[]
  mergedInto?: Contact
  erased?: true
}

/** The times (ms) at which events of a lead may have happened, by event name. */
export interface Expected {
  must: Map<string, number[]>
  may: Map<string, number[]>
}

export const RAW_LEAD = 'Raw Lead'

/**
 * @param funnel event names by stage, earliest first; stages that are not in it are never reported
 * @param unsure event names that were switched off for a time
 * @returns by Meta lead id; nothing may be told of anybody else
 */
export function expectedEvents(
  contacts: readonly Contact[],
  funnel: ReadonlyMap<string, string>,
  unsure: ReadonlySet<string>,
): Map<string, Expected> {
  const names = [...funnel.values()]
  const expected = new Map<string, Expected>()
  for (const members of Map.groupBy(contacts, survivorOf).values()) {
    const leadIds = new Set(members.flatMap((member) => member.leadIds))
    const reached = members.flatMap((member) => member.reached)
    const happened = new Map<string, number[]>([[RAW_LEAD, members.map(({ createdAt }) => createdAt)]])
    for (const { stage, at } of reached) {
      const name = funnel.get(stage)
      if (name !== undefined && name !== RAW_LEAD) happened.set(name, [...(happened.get(name) ?? []), at])
    }
    const comesFirst = (name: string) => {
      const later = names.slice(names.indexOf(name) + 1).flatMap((one) => happened.get(one) ?? [])
      return (happened.get(name) ?? []).some((at) => later.every((other) => other > at))
    }
    // Of several leads in one record, and of who asked to be forgotten, it depends on when what was known.
    const clear = leadIds.size === 1 && !survivorOf(members[0] as Contact).erased
    const must = new Map([...happened].filter(([name]) => clear && !unsure.has(name) && (name === RAW_LEAD || comesFirst(name))))
    for (const leadId of leadIds) expected.set(leadId, { must, may: happened })
  }
  return expected
}

/** Whom a contact lives on as: itself, where it was not merged away. */
export function survivorOf(contact: Contact): Contact {
  return contact.mergedInto === undefined ? contact : survivorOf(contact.mergedInto)
}
