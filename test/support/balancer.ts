/** One address before several servers: each connection goes to the next of them that takes it. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Balancer {
  url: string
  close(): Promise<void>
}

/** @param ports of servers on this machine */
export async function startBalancer(ports: readonly number[], port = 0): Promise<Balancer> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  }
  let turn = 0
  const server = createServer((near) => {
    keep(near)
    turn += 1
    const first = turn
    const attempt = (tries: number) => {
      if (tries === ports.length) return near.destroy()
      const far = connect(ports[(first + tries) % ports.length] as number, '127.0.0.1')
      const next = () => attempt(tries + 1)
      far.once('error', next)
      far.once('connect', () => {
        far.off('error', next)
        keep(far)
        near.pipe(far)
        far.pipe(near)
        near.on('close', () => far.destroy())
        far.on('close', () => near.destroy())
      })
    }
    attempt(0)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
