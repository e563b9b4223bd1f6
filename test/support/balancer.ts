/** One address before several servers: each connection goes to the next of them that is ready, which it asks them again and again. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const ASK_EVERY_MS = 100

export interface Balancer {
  url: string
  close(): Promise<void>
}

/** @param ports of servers on this machine */
export async function startBalancer(ports: readonly number[], port = 0): Promise<Balancer> {
  const ready = new Set<number>()
  const over = new AbortController()
  const ask = async (one: number) => {
    const answer = await fetch(`http://127.0.0.1:${one}/readyz`, { signal: over.signal }).catch(() => undefined)
    if (answer?.ok) ready.add(one)
    else ready.delete(one)
  }
  const goOnAsking = async (one: number) => {
    while (!over.signal.aborted) {
      await sleep(ASK_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined)
      await ask(one)
    }
  }
  await Promise.all(ports.map(ask))
  const asking = ports.map(goOnAsking)

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
    const inTurn = ports.map((_, index) => ports[(turn + index) % ports.length] as number)
    const attempt = (left: number[]) => {
      const [one, ...others] = left
      if (one === undefined) return near.destroy()
      const far = connect(one, '127.0.0.1')
      const next = () => attempt(others)
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
    const willing = inTurn.filter((one) => ready.has(one))
    attempt(willing.length > 0 ? willing : inTurn)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      over.abort()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await Promise.all([closed, ...asking])
    },
  }
}
