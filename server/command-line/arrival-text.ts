/** How the changes of a connection arrive, in words. */
import type { ConnectionView } from '../settings/connections.ts'
import { oneLine, time } from './output.ts'

/** Undefined where the CRM tells by itself, or nothing is known yet. */
export function arrivalText({ arrival, standing, state }: Pick<ConnectionView, 'arrival' | 'standing' | 'state'>): string | undefined {
  if (arrival === 'push' || arrival === null) return undefined
  const last = `last one ${time(standing?.changedAt ?? null) ?? 'not yet'}`
  if (state === 'paused') return `not fetched during the pause; ${last}`
  if (arrival === 'poll') return `asked for again and again; ${last}`
  if (standing === null) return 'its stream was not opened yet; is the server running?'
  if (!standing.tended) return `nobody follows its stream now; is the server running? ${last}`
  if (standing.state === 'open') return `on a stream, open since ${time(standing.since)}; ${last}`
  if (standing.state === null) return `its stream is being opened; ${last}`
  return `its stream waits since ${time(standing.since)}: ${oneLine(standing.text ?? standing.state)} (${standing.state}); ${last}`
}
