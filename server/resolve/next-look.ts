const MINUTE = 60_000
/** A lead id is often written minutes after the record by another tool, sometimes days later by a person. */
const steps = [1, 5, 15, 60, 180, 360, 720].map((minutes) => minutes * MINUTE)

/** How long to wait before a record without a lead is looked up again, milliseconds. `looks`: how often it was in vain. */
export const nextLook = (looks: number): number => steps[Math.min(Math.max(looks - 1, 0), steps.length - 1)] as number
