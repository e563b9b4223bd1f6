import type { FieldNoteCode } from '../reasons.ts'

/** A value that was there but cannot be sent, with the reason. */
export interface Dropped {
  readonly dropped: FieldNoteCode
}
/** What a normaliser yields: the value as Meta wants it hashed (never empty), a drop, or `undefined` where nothing was given. */
export type Normalised = string | Dropped | undefined

/** Makes the one `Dropped` object of a reason; kept as a constant, so that dropping allocates nothing. */
export const dropped = (code: FieldNoteCode): Dropped => Object.freeze({ dropped: code })
