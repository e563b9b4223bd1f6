import { type ChangeField, compoundParts } from './avro-schema.ts'

/**
 * Field names as change events carry them: `0x` and a bitmap in which bit i stands for the field with index i in the record (the
 * header has index 0), then `i-0x…` for each compound field of which parts are named, over its nested record. Names that the
 * schema lacks are left out.
 */
export function fieldBitmaps(fields: readonly ChangeField[], names: readonly string[]): string[] {
  let whole = 0n
  const parts = new Map<number, bigint>()
  for (const name of names) {
    const [top, part] = name.split('.') as [string, string | undefined]
    const index = fields.findIndex((field) => field.name === top)
    if (index < 0) continue
    if (part === undefined) whole |= 1n << BigInt(index + 1)
    else {
      const type = (fields[index] as ChangeField).type
      const place = type === 'name' || type === 'address' ? compoundParts[type].findIndex((field) => field.name === part) : -1
      if (place >= 0) parts.set(index + 1, (parts.get(index + 1) ?? 0n) | (1n << BigInt(place)))
    }
  }
  const nested = [...parts].toSorted(([a], [b]) => a - b).map(([index, bits]) => `${index}-${hex(bits)}`)
  return whole === 0n ? nested : [hex(whole), ...nested]
}

function hex(bits: bigint): string {
  const digits = bits.toString(16).toUpperCase()
  return `0x${digits.length % 2 === 1 ? '0' : ''}${digits}`
}
