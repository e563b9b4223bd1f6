/**
 * Positions in a stream. A replay id is opaque bytes, written as hexadecimal digits. With a plus behind it, more may have come
 * under the same id than was kept, and nothing before it is known.
 */
export interface Position {
  replayId: string
  inPart: boolean
}

export const writePosition = ({ replayId, inPart }: Position): string => (inPart ? `${replayId}+` : replayId)

/** Undefined for what is no position. */
export function readPosition(text: string): Position | undefined {
  const [, replayId, plus] = /^((?:[\da-f]{2})+)(\+?)$/.exec(text) ?? []
  return replayId === undefined ? undefined : { replayId, inPart: plus === '+' }
}

/** Where a stream begins (Pub/Sub API, `ReplayPreset`). */
export const replay = { latest: 0, earliest: 1, custom: 2 } as const
