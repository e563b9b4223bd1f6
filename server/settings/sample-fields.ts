/** What fields of the CRM hold, for an admin who has to choose between them: enough to tell them apart, too little to know anybody. */
import type { FieldOption, RecordRef } from '../../connectors/connector.ts'
import type { Connections } from '../connections/connections.ts'
import type { Caller } from './caller.ts'
import { findLiveConnection } from './find.ts'
import { sampleRecords } from './sample-records.ts'

export interface FieldSample {
  ref: RecordRef
  /** By CRM name; null: empty there. */
  values: Record<string, string | null>
  /** What is read of the person, by our names. */
  identity: Record<string, string>
}

const RECORDS = 5

/** The fields of an account. Throws `CodedError` `connection_unknown`, `connection_removed`, or what the CRM throws. */
export async function listFields(caller: Caller, id: number, connections: Connections): Promise<FieldOption[]> {
  await findLiveConnection(caller, id)
  const { connector, context } = await connections.get(id)
  return connector.listFields(context)
}

/** Masked values of the latest people. Throws as `sampleRecords`. */
export async function sampleFields(caller: Caller, id: number, names: readonly string[], connections: Connections): Promise<FieldSample[]> {
  const open = new Set((await listFields(caller, id, connections)).filter(({ type }) => type === 'choice').map(({ name }) => name))
  const { people } = await sampleRecords(caller, id, connections, { limit: RECORDS, fields: names })
  return people.map(({ ref, fields, identity = {} }) => ({
    ref,
    values: Object.fromEntries(
      names.map((name) => [name, shown(Object.hasOwn(fields, name) ? (fields[name] ?? null) : null, open.has(name))]),
    ),
    identity: Object.fromEntries(
      Object.entries(identity).flatMap(([name, value]) => {
        const text = Array.isArray(value) ? value[0] : typeof value === 'object' ? value?.value : value
        return text === undefined || text === '' ? [] : [[name, mask(text)]]
      }),
    ),
  }))
}

/** One of a choice says nothing of a person. */
const shown = (value: string | null, isChoice: boolean) => (value === null || isChoice ? value : mask(value))

/** Keeps how a value is written, and hides what it says: of each word the first sign stays. Pure. */
export function mask(value: string): string {
  return value.slice(0, 60).replace(/[\p{L}\p{N}]+/gu, ([first = '', ...rest]) => first + '•'.repeat(Math.min(rest.length, 8)))
}
