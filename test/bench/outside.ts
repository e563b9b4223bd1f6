/**
 * HubSpot and Meta as the load sees them, in the process that sends the load: they answer over HTTP as the real ones do, and
 * judge next to nothing, so that the figures are the server's. (What the real ones would refuse is for the tests.)
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { token } from './stand.ts'

export interface Outside {
  hubspotUrl: string
  metaUrl: string
  /** Requests for records so far. */
  lookups(): number
  /** Event ids that Meta took, each once, and events that came again. */
  taken: Set<string>
  doubled(): number
  /** Forgets what Meta took. */
  reset(): void
  /** Resolves when Meta has taken so many different events; throws after two minutes. */
  took(events: number): Promise<void>
  /** Told of each lead id that comes in, with `performance.now()`. */
  onLead?: (leadId: string, at: number) => void
  close(): Promise<void>
}

const PATIENCE_MS = 120_000
/** Looked for in the bytes: as text, a body of a hundred events costs the sender more than all it sends. */
const EVENT_ID = '"event_id":"'

export const leadIdOf = (contactId: number | string): string => `2345${contactId}`

export async function startOutside(): Promise<Outside> {
  let lookups = 0
  let doubled = 0
  let check = () => {}
  const created = new Date(Date.now() - 3_600_000).toISOString()

  const hubspot = await serve(async (request) => {
    lookups += 1
    const { inputs, propertiesWithHistory } = JSON.parse((await bytes(request)).toString()) as {
      inputs: { id: string }[]
      propertiesWithHistory?: string[]
    }
    return { status: 'COMPLETE', results: inputs.map(({ id }) => contact(id, created, (propertiesWithHistory ?? []).length > 0)) }
  })
  const meta = await serve(async (request) => {
    const body = await bytes(request)
    const at = performance.now()
    if (request.headers.authorization !== `Bearer ${token}`) throw new Error('Meta was asked without the token')
    let events = 0
    for (let found = body.indexOf(EVENT_ID); found >= 0; found = body.indexOf(EVENT_ID, found)) {
      found += EVENT_ID.length
      const id = body.toString('latin1', found, body.indexOf('"', found))
      events += 1
      if (outside.taken.has(id)) doubled += 1
      else outside.taken.add(id)
    }
    if (outside.onLead !== undefined) for (const [, id] of body.toString().matchAll(/"lead_id":"?(\d+)/g)) outside.onLead(id as string, at)
    check()
    return { events_received: events, messages: [], fbtrace_id: 'bench' }
  })

  const outside: Outside = {
    hubspotUrl: hubspot.url,
    metaUrl: meta.url,
    lookups: () => lookups,
    taken: new Set(),
    doubled: () => doubled,
    reset: () => outside.taken.clear(),
    took: (events) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`Meta took ${outside.taken.size} of ${events} events`)), PATIENCE_MS)
        check = () => {
          if (outside.taken.size < events) return
          clearTimeout(timer)
          resolve()
        }
        check()
      }),
    close: async () => void (await Promise.all([hubspot.close(), meta.close()])),
  }
  return outside
}

/** A contact with a Meta lead id and the usual contact data, all made from its id. */
function contact(id: string, created: string, withHistory: boolean): object {
  const properties = {
    createdate: created,
    lifecyclestage: 'lead',
    meta_lead_id: leadIdOf(id),
    email: `person.${id}@example.com`,
    phone: `+1 202 555 ${id.slice(-4)}`,
    firstname: `First${id.slice(-3)}`,
    lastname: 'Almond',
    city: 'Menlo Park',
    state: 'California',
    zip: '94025',
    country: 'United States',
  }
  const propertiesWithHistory = { lifecyclestage: [{ value: 'lead', timestamp: created, sourceType: 'CRM_UI' }] }
  return { id, properties, createdAt: created, updatedAt: created, archived: false, ...(withHistory && { propertiesWithHistory }) }
}

async function serve(answer: (request: IncomingMessage) => Promise<object>): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    answer(request).then(
      (body) => {
        const json = JSON.stringify(body)
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) }).end(json)
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url: `http://127.0.0.1:${port}`, close }
}

function bytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => resolve(Buffer.concat(chunks)))
    request.once('error', reject)
  })
}
