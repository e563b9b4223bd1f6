/** A TCP peer between the app and a service: it can hang up on everyone and refuse new connections, be far away, or fall silent. */

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePort } from './free-port.ts'

export interface Proxy {
  port: number
  /** Ends all connections and takes no new ones. */
  cut(): Promise<void>
  mend(): Promise<void>
  /** Bytes take half of this each way from now on, milliseconds; 0 at first. */
  roundTrip(ms: number): void
  /** While frozen, connections stay up and nothing passes. */
  freeze(frozen: boolean): void
  /** Hangs up on everyone after so many more pieces of what the app says; `heard`: the last of them still arrives. */
  cutAfter(pieces: number, heard: boolean): void
}

/** Closed with the test, or whatever else has an end. */
export async function startProxy(
  t: { teardown(close: () => Promise<void>): void },
  target: { host: string; port: number },
): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let oneWayMs = 0
  let frozen = false
  let left = Number.POSITIVE_INFINITY
  let lastIsHeard = true
  const hangUp = () => {
    for (const socket of sockets) socket.destroy()
  }
  /** Counts a piece, and passes it on. */
  const say = (pass: () => void) => {
    left -= 1
    if (left > 0 || lastIsHeard) pass()
    if (left > 0) return
    left = Number.POSITIVE_INFINITY
    hangUp()
  }
  let server: Server
  const listen = async (port: number) => {
    server = createServer((near) => {
      const far = connect(target)
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.setNoDelay(true)
        socket.on('error', () => undefined)
        socket.on('close', () => sockets.delete(socket))
      }
      relay(near, far, () => oneWayMs, say)
      relay(
        far,
        near,
        () => oneWayMs,
        (pass) => pass(),
      )
      if (frozen) for (const socket of [near, far]) socket.pause()
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }
  const cut = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    hangUp()
    await closed
  }
  const port = await listen(await freePort())
  t.teardown(cut)
  return {
    port,
    cut,
    mend: async () => void (await listen(port)),
    roundTrip(ms) {
      oneWayMs = ms / 2
    },
    freeze(on) {
      frozen = on
      for (const socket of sockets)
        if (on) socket.pause()
        else socket.resume()
    },
    cutAfter(pieces, heard) {
      left = pieces
      lastIsHeard = heard
    },
  }
}

/** Bytes on their way at most; a sender ahead of that waits. */
const WINDOW_BYTES = 16 * 1_048_576

/** Passes on what one socket says, in order, `delayMs` after it was said; its end likewise. */
function relay(from: Socket, to: Socket, delayMs: () => number, say: (pass: () => void) => void): void {
  const underway: { due: number; pass: () => void }[] = []
  let timer: NodeJS.Timeout | undefined
  const arrive = () => {
    timer = undefined
    for (const now = performance.now(); underway[0] !== undefined && underway[0].due <= now; ) underway.shift()?.pass()
    if (underway[0] !== undefined) timer = setTimeout(arrive, Math.max(0, underway[0].due - performance.now()))
  }
  const send = (pass: () => void) => {
    underway.push({ due: performance.now() + delayMs(), pass })
    if (timer === undefined) arrive()
  }
  from.on('data', (chunk) =>
    send(() =>
      say(() => {
        if (to.write(chunk) || to.writableLength < WINDOW_BYTES) return
        from.pause()
        to.once('drain', () => from.resume())
      }),
    ),
  )
  from.on('end', () => send(() => to.end()))
  from.on('close', () => send(() => to.destroy()))
}
