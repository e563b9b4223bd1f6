/** What the codes in a ledger row mean, for people. */
import { type FieldNote, fieldNotes, fieldNoteText, type ReasonCode, reasons, reasonText } from '../../mappings/reasons.ts'

/** What resolve and delivery keep with a ledger row. */
export interface LedgerDetail {
  params?: Record<string, string | number>
  /** With a space between: as a list, which earlier versions wrote, they take twice the room. */
  keys?: string | string[]
  notes?: FieldNote[]
  /** Most changes are pushed: nothing says so. */
  origin?: string
  mapping?: number
  filled?: boolean
  late?: boolean
  meta?: MetaAnswer
}

/** Meta's answer, as far as it is kept. */
export interface MetaAnswer {
  fbtraceId?: string
  messages?: string[]
  batch?: number
  received?: number
  code?: number
  subcode?: number
  status?: number
  title?: string
  message?: string
  fields?: string[]
}

/** The match keys that were used, as Meta spells them. */
export function keysOf(detail: unknown): string[] {
  const { keys = [] } = (detail ?? {}) as LedgerDetail
  return typeof keys === 'string' ? keys.split(' ') : keys
}

/** The text of a ledger row's reason with its parameters; null where it has none. */
export function reasonOf(reason: string | null, detail: unknown): string | null {
  if (reason === null) return null
  return knownReason(reason, ((detail ?? {}) as LedgerDetail).params) ?? `No text is known for "${reason}".`
}

/** The text of a reason code, undefined for what is none. */
export function knownReason(code: string, params: Readonly<Record<string, string | number>> = {}): string | undefined {
  return Object.hasOwn(reasons, code) ? reasonText(code as ReasonCode, params) : undefined
}

/** Notes with their texts. */
export function withTexts(notes: readonly FieldNote[]): (FieldNote & { text: string })[] {
  return notes.map((note) => ({ ...note, text: Object.hasOwn(fieldNotes, note.code) ? fieldNoteText(note.code) : '' }))
}
