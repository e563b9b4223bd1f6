import { sha256 } from '../../mappings/hash.ts'
import type { UserData } from '../../mappings/user-data.ts'
import type { MatchKey } from './link.ts'

/** The keys by which a person is recognised elsewhere in the workspace: addresses, numbers, and the click (without its time). Pure. */
export function matchKeys({ em = [], ph = [], fbc }: UserData): MatchKey[] {
  const click = fbc?.split('.').slice(3).join('.')
  return [
    ...em.map((hash) => ({ kind: 'em' as const, hash })),
    ...ph.map((hash) => ({ kind: 'ph' as const, hash })),
    ...(click ? [{ kind: 'fbc' as const, hash: sha256(click) }] : []),
  ]
}
