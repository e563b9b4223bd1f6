/** The latest instant that a date can hold, milliseconds since the epoch. */
const LATEST = 8.64e15

/** Whether a value is an instant that can be kept: whole milliseconds since the epoch, not before it, and none that no date can hold. */
export const isInstant = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= LATEST
