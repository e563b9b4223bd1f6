import type { KeyInUse } from '../connections/reseal.ts'

export interface KeyStanding extends KeyInUse {
  id: string
  /** `seals`: the first; `needed`, `not needed`: a further one; `missing`: something is sealed under it, and it is not configured. */
  standing: 'seals' | 'needed' | 'not needed' | 'missing'
}

const nothing = { secrets: 0, packets: 0, samples: 0, consents: 0 }

/** Lays the keys that are in use beside those that are configured (ids, the sealing one first). Pure. */
export function judgeKeys(used: readonly KeyInUse[], configured: readonly string[]): KeyStanding[] {
  const known = configured.map((id, index): KeyStanding => {
    const found = used.find((key) => key.id === id)
    return { ...(found ?? nothing), id, standing: index === 0 ? 'seals' : found === undefined ? 'not needed' : 'needed' }
  })
  const missing = used.flatMap((key): KeyStanding[] =>
    key.id === null || configured.includes(key.id) ? [] : [{ ...key, id: key.id, standing: 'missing' }],
  )
  return [...known, ...missing]
}
