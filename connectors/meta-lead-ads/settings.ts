/** The settings of one page: none so far. */
import { z } from 'zod'

export const pageSettings = z.strictObject({})
export type PageSettings = z.infer<typeof pageSettings>
