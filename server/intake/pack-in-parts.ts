import type { Sealer } from '../connections/vault.ts'
import { type Packet, packChanges } from './packet.ts'

/** Changes in one packet: few enough for one that cannot be handled to cost little, many enough to be worth a row. */
const PART = 100

/** Packs any number of changes of one connection. `receivedAt` is milliseconds since the epoch. */
export function packInParts(sealer: Sealer, connectionId: number, changes: readonly unknown[], receivedAt: number): Packet[] {
  return Array.from({ length: Math.ceil(changes.length / PART) }, (_, index) =>
    packChanges(sealer, connectionId, changes.slice(index * PART, (index + 1) * PART), receivedAt),
  )
}
