/** The funnel of the example in Meta's conversion leads guide, and when each lead of the demo reaches which stage of it. */

/** How many leads of a source reach each stage, in funnel order; the first stage is that of all leads. */
export const funnel = [100, 70, 30, 15] as const

/** So long after a form was filled in the lead is in the CRM, milliseconds. */
export const syncMs = 2_000

/** Every third lead loses its Meta lead id on the way into the CRM, as happens with most of their own syncs. */
export const losesLeadId = (lead: number): boolean => lead % 3 === 0

export interface Step {
  /** Number of the lead, from 0. */
  lead: number
  /** Index in `funnel`. */
  stage: number
  /** Milliseconds after the start of the walk. */
  after: number
}

/**
 * The whole walk in order of time; the same every time. Leads arrive evenly over `arrivalMs` and take one to three seconds from
 * stage to stage, but every eighth hurries through all of its stages within a fraction of a second, so that they travel in
 * one body. No two stages of a lead share a millisecond.
 */
export function planWalk(arrivalMs = 7_000): Step[] {
  const leads = funnel[0]
  const steps: Step[] = []
  for (let lead = 0; lead < leads; lead += 1) {
    // 37 shares no factor with 100: every rank comes up once, and neighbours get differently far.
    const rank = (lead * 37) % leads
    const pace = lead % 8 === 0 ? 0.05 : 1
    let after = Math.round((lead / leads) * arrivalMs)
    for (const [stage, reached] of funnel.entries()) {
      if (rank >= reached) break
      if (stage > 0) after += Math.round((1_000 + ((lead * 53 + stage * 29) % 100) * 10) * pace)
      steps.push({ lead, stage, after })
    }
  }
  return steps.sort((a, b) => a.after - b.after)
}
