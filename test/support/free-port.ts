import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below all that the system itself hands out, to listeners on port 0 and to clients: those come and go while a server is down. */
const FIRST = 20_000
const COUNT = 10_000

/** A port of this machine that nobody listens on. It is nobody else's while this process lives, also while nothing listens on it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT)
    if ((await claim(port)) && (await isFree(port))) return port
  }
}

/** Whoever asks for a port here holds its twin of UDP, which nothing else uses. */
async function claim(port: number): Promise<boolean> {
  const twin = createSocket('udp4').unref()
  twin.bind({ port, address: '127.0.0.1', exclusive: true })
  return succeeds(once(twin, 'listening'))
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  if (!(await succeeds(once(server, 'listening')))) return false
  server.close()
  await once(server, 'close')
  return true
}

const succeeds = (done: Promise<unknown>) =>
  done.then(
    () => true,
    () => false,
  )
