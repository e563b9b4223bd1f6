/** Meta's codes of the US states where limited data use has effect (Meta, data processing options). */
const states: Readonly<Record<string, number>> = {
  ca: 1000,
  co: 1001,
  ct: 1002,
  fl: 1003,
  or: 1004,
  tx: 1005,
  mt: 1006,
  de: 1007,
  ne: 1008,
  nh: 1009,
  nj: 1010,
  mn: 1011,
  md: 1012,
  ri: 1013,
}
const stateCodes = new Map(Object.entries(states))

/** Where the person lives as far as limited data use goes; 0 and 0 ask Meta to find out. */
export interface LimitedDataUse {
  country: 0 | 1
  state: number
}

/**
 * Whether, and for which state, an event asks Meta to limit the use of its data. `country` and `state` are normalised
 * codes, where known. `us_states` leaves out people known to live elsewhere; someone whose state is unknown is left to Meta.
 */
export const limitedDataUse = (
  setting: 'off' | 'us_states' | 'always',
  country: string | undefined,
  state: string | undefined,
): LimitedDataUse | undefined => {
  if (setting === 'off') return undefined
  const code = country === 'us' && state !== undefined ? stateCodes.get(state) : undefined
  if (code !== undefined) return { country: 1, state: code }
  const elsewhere = country !== undefined && (country !== 'us' || state !== undefined)
  return setting === 'us_states' && elsewhere ? undefined : { country: 0, state: 0 }
}
