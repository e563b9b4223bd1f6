import { appendFileSync } from 'node:fs'
import { basename } from 'node:path'

/** What a proof has counted. Events: changes that the CRM told of, and different events that Meta took. Times in ms. */
export interface Counts {
  runs?: number
  kills?: number
  restarts?: number
  eventsIn?: number
  eventsOut?: number
  lost?: number
  doubled?: number
  /** From each fault to when work went on. */
  recoveryMs?: number[]
  /** Anything else worth reading. */
  note?: string
}

/** Tells what a proof of these promises has counted: in its output, and to the report of the fault suite where one is written. */
export function counted(t: { comment(text: string): void }, promises: readonly number[], counts: Counts): void {
  t.comment(`counted: ${JSON.stringify(counts)}`)
  const report = process.env.FAULTS_REPORT
  const mode = process.env.TEST_REDIS_URL === undefined ? 'in-process' : 'redis'
  const proof = basename(process.argv[1] ?? '')
  if (report !== undefined) appendFileSync(report, `${JSON.stringify({ promises, mode, proof, counts })}\n`)
}
