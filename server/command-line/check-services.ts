/** The way to the CRMs and to Meta, and the clock by their answers. */
import type { HttpPort } from '../../connectors/connector.ts'
import { connectorFor } from '../../connectors/registry.ts'
import type { Config } from '../config.ts'
import type { Check } from './check-database.ts'

/** Meta refuses events from the future, and CRMs refuse or send signatures that seem stale. */
const MOST_OFF_MS = 30_000

/** Any answer at all means that a service can be reached. */
export async function checkServices(config: Config, http: HttpPort): Promise<Check[]> {
  const crms = Object.entries(config.crm).map(([id, { baseUrl }]) => ({ name: connectorFor(id).manifest.displayName, url: baseUrl }))
  const services = [...crms, { name: 'Meta Graph API', url: config.meta.graphUrl }]
  const answers = await Promise.all(services.map((service) => reach(service, http)))
  const offs = answers.flatMap(({ off }) => off ?? [])
  return [...answers.map(({ check }) => check), clock(offs)]
}

async function reach({ name, url }: { name: string; url: string }, http: HttpPort): Promise<{ check: Check; off?: number }> {
  const started = Date.now()
  try {
    const { status, headers } = await http({ method: 'GET', url: `${url}/` })
    const ended = Date.now()
    const theirs = Date.parse(headers.date ?? '')
    const check: Check = { name, status: 'ok', text: `${url} answers (HTTP ${status}, ${ended - started} ms)` }
    // The header counts whole seconds, cut.
    return Number.isNaN(theirs) ? { check } : { check, off: (started + ended) / 2 - (theirs + 500) }
  } catch {
    return {
      check: { name, status: 'problem', text: `${url} does not answer within 5 s; check network, proxy and firewall for outgoing https` },
    }
  }
}

function clock(offs: readonly number[]): Check {
  const name = 'clock'
  if (offs.length === 0) return { name, status: 'warning', text: 'no service answered with the time, so it could not be compared' }
  // One service may be wrong itself; the least difference is the surest.
  const off = offs.reduce((least, one) => (Math.abs(one) < Math.abs(least) ? one : least))
  const seconds = Math.round(Math.abs(off) / 1000)
  if (Math.abs(off) <= MOST_OFF_MS) return { name, status: 'ok', text: `within ${seconds} s of theirs` }
  return {
    name,
    status: 'problem',
    text: `${seconds} s ${off > 0 ? 'ahead' : 'behind'}; turn on time synchronisation (NTP) on this machine`,
  }
}
