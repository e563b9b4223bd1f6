import { CodedError } from '../../connectors/errors.ts'

/** Time to rest after `failures` failed runs in a row: 1 s, doubled each time, 60 s at most. Milliseconds. */
export function restAfter(failures: number): number {
  return Math.min(60_000, 1_000 * 2 ** (failures - 1))
}

/** The same, where the delay that an error asks for itself comes first. Milliseconds. */
export function restAfterError(error: unknown, failures: number): number {
  const asked = error instanceof CodedError && typeof error.retry === 'object' ? error.retry.afterMs : undefined
  return asked ?? restAfter(failures)
}
