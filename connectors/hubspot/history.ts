/** Property history as HubSpot keeps it: exact times, newest first. */
import type { RecordSnapshot } from '../connector.ts'
import type { HubspotObject } from './objects.ts'

export interface HistoryEntry {
  value: string
  /** Milliseconds since the epoch. */
  at: number
}
export type History = Readonly<Record<string, readonly HistoryEntry[]>>

/** The stages a record went through, oldest first. Clearing a stage is no stage, setting it again afterwards is one. */
export function readTransitions(object: HubspotObject, history: History): NonNullable<RecordSnapshot['transitions']> {
  const pipelines = object.pipeline ? oldestFirst(history[object.pipeline]) : []
  return object.stages
    .flatMap((source) => {
      const entries = oldestFirst(history[source])
      return entries
        .filter((entry, index) => entry.value !== '' && entry.value !== entries[index - 1]?.value)
        .map((entry) => ({
          stage: { source, pipelineId: pipelineAt(pipelines, entry.at), stageId: entry.value },
          occurredAt: entry.at,
        }))
    })
    .sort((a, b) => a.occurredAt - b.occurredAt)
}

/** When a property first got the value it has now. */
export function firstSeenAt(entries: readonly HistoryEntry[] | undefined, value: string): number | undefined {
  return oldestFirst(entries).find((entry) => entry.value === value)?.at
}

/** The pipeline that held at an instant. A record may have moved; its stages belong to the pipeline of their time. */
function pipelineAt(pipelines: readonly HistoryEntry[], at: number): string | undefined {
  return (pipelines.findLast((entry) => entry.at <= at && entry.value !== '') ?? pipelines.find((entry) => entry.value !== ''))?.value
}

/** The order in which HubSpot lists history is not promised; equal times keep HubSpot's order, newest first. */
function oldestFirst(entries: readonly HistoryEntry[] = []): HistoryEntry[] {
  return entries.toReversed().sort((a, b) => a.at - b.at)
}
