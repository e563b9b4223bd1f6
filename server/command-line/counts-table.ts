import type { Counted } from '../backfill/counts.ts'
import { knownReason } from '../settings/entry-text.ts'
import { table } from './output.ts'

/** Counts by outcome and reason, with what the reason means. `pending`: what to call entries that are still to be sent. */
export function countsTable(counts: readonly Counted[], pending: string, none: string): string {
  const rows = counts.map(({ outcome, reason, rawLead, count }) => [
    ...[count, rawLead ? 'new lead' : 'stage', outcome === 'pending' ? pending : outcome],
    ...[reason, reason === null ? null : (knownReason(reason) ?? null)],
  ])
  return table(['count', 'of', 'outcome', 'reason', 'meaning'], rows, none)
}
