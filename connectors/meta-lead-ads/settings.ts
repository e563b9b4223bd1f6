/** The settings of one page. */
import { z } from 'zod'

export const pageSettings = z.strictObject({
  /** Leads of so many days before the page was connected are read, so that the CRM's records find them; 0: none. Meta may not have as many. */
  pastDays: z.number().int().min(0).max(730).default(90),
})
export type PageSettings = z.infer<typeof pageSettings>
