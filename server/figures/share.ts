/** Shares, and what a sample says of them. */

/** Two standard errors and a little: 19 of 20 samples. */
const Z = 1.96

/** Between which shares the true one lies in 19 of 20 samples like this one (Wilson's interval; holds for small samples too). */
export function shareInterval(count: number, sample: number): { low: number; high: number } {
  if (sample === 0) return { low: 0, high: 1 }
  const share = count / sample
  const spread = Z * Math.sqrt((share * (1 - share)) / sample + Z ** 2 / (4 * sample ** 2))
  const scale = 1 + Z ** 2 / sample
  const middle = (share + Z ** 2 / (2 * sample)) / scale
  return { low: Math.max(0, middle - spread / scale), high: Math.min(1, middle + spread / scale) }
}

export type Verdict = 'met' | 'not_met' | 'too_little_data'

/** Whether a share lies between two bounds (inclusive), as far as a sample can tell; not at all with fewer than `least`. */
export function judgeShare(count: number, sample: number, { min, max, least }: { min: number; max: number; least: number }): Verdict {
  const { low, high } = shareInterval(count, sample)
  if (sample < least) return 'too_little_data'
  if (low >= min && high <= max) return 'met'
  return high < min || low > max ? 'not_met' : 'too_little_data'
}

/** `62 %`; with a decimal where little is told otherwise. */
export function percent(share: number): string {
  const value = share * 100
  return `${value > 0 && value < 10 ? Number(value.toFixed(1)) : Math.round(value)} %`
}
