import { entryKey, type LedgerEntry } from '../resolve/ledger.ts'
import { type Counted, countEntries } from './counts.ts'
import type { RehearsedPage } from './rehearse.ts'

/** What a dry run has found. */
export interface Forecast {
  /** Records that the CRM showed for the period. */
  records: number
  /** Stages that they reached, known ones too. */
  stages: number
  /** Records and changes that cannot be read. */
  refused: number
  /** What would become of those that are new; `pending`: would be sent. */
  counts: Counted[]
}

/** Sums up the pages of a dry run. A change that several pages tell of counts once, with its first decision. */
export function createForecast(): { add(page: { records: number }, rehearsed: RehearsedPage): void; sum(): Forecast } {
  const entries = new Map<string, Pick<LedgerEntry, 'outcome' | 'reason' | 'stageKey'>>()
  const total = { records: 0, stages: 0, refused: 0 }
  return {
    add({ records }, { stages, refused, entries: found }) {
      total.records += records
      total.stages += stages
      total.refused += refused
      for (const { outcome, reason, stageKey, ...key } of found) {
        const known = entries.get(entryKey(key))
        if (known === undefined || known.outcome === 'waiting') entries.set(entryKey(key), { outcome, reason, stageKey })
      }
    },
    sum: () => ({ ...total, counts: countEntries(entries.values()) }),
  }
}
