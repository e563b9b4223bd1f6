import type { Signal } from '../../connectors/connector.ts'

/** Ids that a database and a comparison can live with, instants that a date can hold. */
export function isSound(signal: Signal): boolean {
  const texts = [
    ...[signal.ref.type, signal.ref.id],
    ...(signal.kind === 'stage' || signal.kind === 'observed' ? [signal.stage.source, signal.stage.stageId] : []),
    ...(signal.kind === 'merged' ? signal.mergedIds : []),
  ]
  return (
    Number.isSafeInteger(signal.occurredAt) &&
    signal.occurredAt >= 0 &&
    signal.occurredAt <= 8.64e15 &&
    texts.every((text) => typeof text === 'string' && text !== '')
  )
}
