/** Sends bodies over a number of connections, each with one request at a time, as fast as they are answered. */
import { Client } from 'undici'
import type { SignedBody } from './bodies.ts'

export interface Posted {
  /** Bodies that were answered with a 2xx. Any other answer throws. */
  bodies: number
  events: number
  seconds: number
  /** Of each body, milliseconds from the request to the whole answer. */
  latencies: number[]
}

/** @param next the next body to send; undefined when there is nothing left */
export async function postAll(url: string, connections: number, next: () => SignedBody | undefined): Promise<Posted> {
  const { origin, pathname } = new URL(url)
  const posted: Posted = { bodies: 0, events: 0, seconds: 0, latencies: [] }
  const started = performance.now()
  const send = async () => {
    const client = new Client(origin, { pipelining: 1 })
    for (let signed = next(); signed !== undefined; signed = next()) {
      const from = performance.now()
      const { statusCode, body } = await client.request({ path: pathname, method: 'POST', headers: signed.headers, body: signed.body })
      const text = await body.text()
      if (statusCode < 200 || statusCode > 299) throw new Error(`a webhook was answered with ${statusCode}: ${text}`)
      posted.latencies.push(performance.now() - from)
      posted.bodies += 1
      posted.events += signed.events
    }
    await client.close()
  }
  await Promise.all(Array.from({ length: connections }, send))
  posted.seconds = (performance.now() - started) / 1000
  return posted
}
