/** A TCP peer between the app and a service: it can hang up on everyone and refuse new connections, and come back. */

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface Proxy {
  port: number
  /** Ends all connections and takes no new ones. */
  cut(): Promise<void>
  mend(): Promise<void>
}

export async function startProxy(t: Test, target: { host: string; port: number }): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let server: Server
  const listen = async (port: number) => {
    server = createServer((near) => {
      const far = connect(target)
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => sockets.delete(socket))
      }
      near.on('close', () => far.destroy())
      far.on('close', () => near.destroy())
      near.pipe(far)
      far.pipe(near)
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }
  const cut = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  const port = await listen(0)
  t.teardown(cut)
  return { port, cut, mend: async () => void (await listen(port)) }
}
