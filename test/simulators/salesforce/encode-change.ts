import { randomUUID } from 'node:crypto'
import { type ChangeSchema, changeSchema } from './avro-schema.ts'
import type { LoggedChange, OrgChange } from './change-log.ts'
import { encodeEvent } from './encode-event.ts'
import type { Channel, PubSubOrg, StreamUser } from './pubsub-org.ts'
import { encodeResponse } from './pubsub-protocol.ts'

/** For whom a change is encoded. */
export interface Audience {
  org: PubSubOrg
  user: StreamUser
  member: Channel['members'][number]
}

const encoded = new WeakMap<LoggedChange, Map<string, Buffer>>()

/** How many events a change is on a channel: with enriched fields, each record has an event of its own, all with one replay id. */
export const eventsOf = ({ change }: LoggedChange, enriched: readonly string[]): number =>
  enriches(change, enriched) ? change.recordIds.length : 1

const enriches = ({ changeType }: OrgChange, enriched: readonly string[]) =>
  enriched.length > 0 && (changeType === 'UPDATE' || changeType === 'DELETE')

/**
 * The event of a change, or of its record number `index` where it has several, as a part of an encoded `FetchResponse`; each one is
 * encoded once. `onSchema` hears of the schema it is written in.
 */
export function encodeChange(
  logged: LoggedChange,
  index: number,
  { org, user, member }: Audience,
  onSchema: (schema: ChangeSchema) => void,
): Buffer {
  const { change, fields, replayId } = logged
  const hidden = user.hidden(change.entity)
  const enriched = enriches(change, member.enriched)
  const recordId = change.recordIds[index] as string
  const added = enriched ? member.enriched.map((field) => [field, org.current(change.entity, recordId, field)] as const) : []
  const key = `${index} ${hidden.join()} ${added.join()}`
  let known = encoded.get(logged)
  if (known === undefined) {
    known = new Map()
    encoded.set(logged, known)
  }
  let bytes = known.get(key)
  if (bytes === undefined) {
    const schema = changeSchema(change.entity, fields)
    onSchema(schema)
    const told = enriched ? { ...change, recordIds: [recordId], values: { ...Object.fromEntries(added), ...change.values } } : change
    const payload = encodeEvent(fields, hidden.length === 0 ? told : without(told, new Set(hidden)))
    bytes = encodeResponse({ events: [{ event: { id: randomUUID(), schemaId: schema.id, payload }, replayId }] })
    known.set(key, bytes)
  }
  return bytes
}

/** A change as somebody is told it who cannot see these fields; hiding a compound field hides its parts. */
function without(change: OrgChange, hidden: ReadonlySet<string>): OrgChange {
  const seen = (name: string) => !hidden.has(name) && !hidden.has(name.split('.')[0] as string)
  return {
    ...change,
    changedFields: change.changedFields.filter(seen),
    nulledFields: change.nulledFields.filter(seen),
    diffFields: change.diffFields.filter(seen),
    values: Object.fromEntries(Object.entries(change.values).filter(([name]) => seen(name))),
  }
}
