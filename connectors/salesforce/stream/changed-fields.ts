/** The fields of a change event's record, in the order of its schema. */
export interface FieldLayout {
  /** The header is at index 0. */
  names: readonly string[]
  /** Names of the parts of compound fields, by the index of the field. */
  parts: ReadonlyMap<number, readonly string[]>
}

/**
 * The API names in a list of field bitmaps, parts of compound fields as `Name.FirstName`. Bit i, from the least significant,
 * is the field with index i; `4-0x10` is a bitmap over the parts of field 4 (Salesforce, Pub/Sub API, event deserialization
 * considerations). Throws for what is no bitmap: a change must not go unnoticed.
 */
export function changedFields(bitmaps: readonly string[], { names, parts }: FieldLayout): string[] {
  const read = bitmaps.map(readBitmap)
  const inParts = new Set(read.map(({ field }) => field))
  return read.flatMap(({ field, bits }) => {
    if (field !== undefined) return bits.flatMap((bit) => nameOfPart(field, bit) ?? [])
    return bits.flatMap((bit) => {
      if (!parts.has(bit)) return names[bit] ?? []
      // A compound field named as a whole, and by its parts where a bitmap of them is there.
      return inParts.has(bit) ? [] : (parts.get(bit) as string[]).map((part) => `${names[bit]}.${part}`)
    })
  })

  function nameOfPart(field: number, bit: number): string | undefined {
    const part = parts.get(field)?.[bit]
    return part && `${names[field]}.${part}`
  }
}

function readBitmap(text: string): { field?: number; bits: number[] } {
  const [, field, digits] = /^(?:(\d+)-)?0x([\da-f]+)$/i.exec(text) ?? []
  if (digits === undefined) throw new Error('a field bitmap cannot be read')
  const bits: number[] = []
  // Digit by digit, because a schema has more fields than a number has bits.
  for (let place = 0; place < digits.length; place++) {
    const digit = Number.parseInt(digits[digits.length - 1 - place] as string, 16)
    for (let bit = 0; bit < 4; bit++) if (digit & (1 << bit)) bits.push(4 * place + bit)
  }
  return { field: field === undefined ? undefined : Number(field), bits }
}
