/**
 * A CRM with a stream, as small as can be: JSON lines over TCP. A client says whom it follows, with which token and from
 * where; the server sends every change behind that, numbered. Beside it the connector that follows it.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createInterface, type Interface } from 'node:readline'
import type { Test } from 'tap'
import { z } from 'zod'
import type { Connector, StreamHub } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'

interface Hello {
  account: string
  token: string
  position: number | null
}
interface Line {
  changes?: unknown[]
  position?: string
  missed?: boolean
  error?: { code: string; retry: CodedError['retry'] }
}

export interface LineServer {
  url: string
  /** Every opening of a stream, in order. */
  hellos: Hello[]
  /** Sends changes of an account as one batch; those who follow later get them, too, one by one. */
  send(account: string, changes: unknown[], options?: { missed?: boolean }): void
  /** Streams that are open now, by account. */
  open(account: string): number
  /** The most that were open of an account at once. */
  most(account: string): number
  /** Ends the streams of an account with an error, and refuses it from now on; undefined: lets it in again. */
  refuse(account: string, error: Line['error']): void
  cut(): void
}

export async function startLineServer(t: Pick<Test, 'teardown'>): Promise<LineServer> {
  const log = new Map<string, unknown[]>()
  const refused = new Map<string, Line['error']>()
  const sockets = new Map<Socket, string>()
  const most = new Map<string, number>()
  const hellos: Hello[] = []
  const open = (account: string) => [...sockets.values()].filter((of) => of === account).length
  const write = (socket: Socket, line: Line) => socket.write(`${JSON.stringify(line)}\n`)
  const changesOf = (account: string) => log.get(account) ?? log.set(account, []).get(account) ?? []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    readLines(socket).once('line', (text) => {
      const hello = JSON.parse(text) as Hello
      hellos.push(hello)
      const error = refused.get(hello.account)
      if (error !== undefined) return void socket.end(`${JSON.stringify({ error })}\n`)
      sockets.set(socket, hello.account)
      most.set(hello.account, Math.max(open(hello.account), most.get(hello.account) ?? 0))
      const changes = changesOf(hello.account)
      const from = hello.position ?? changes.length
      write(socket, { changes: [], position: String(from) })
      for (let index = from; index < changes.length; index++) write(socket, { changes: [changes[index]], position: String(index + 1) })
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    for (const socket of sockets.keys()) socket.destroy()
  }
  t.teardown(() => {
    server.close()
    cut()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hellos,
    cut,
    send(account, changes, { missed } = {}) {
      const all = changesOf(account)
      all.push(...changes)
      for (const [socket, of] of sockets)
        if (of === account) write(socket, { changes, position: String(all.length), ...(missed && { missed }) })
    },
    open,
    most: (account) => most.get(account) ?? 0,
    refuse(account, error) {
      refused.set(account, error)
      if (error === undefined) return
      for (const [socket, of] of sockets) if (of === account) socket.end(`${JSON.stringify({ error })}\n`)
    },
  }
}

const settings = z.object({ changes: z.enum(['stream', 'push']).default('stream') })

/** Follows a `LineServer`. A change is any JSON; it means nothing, unless `normalise` is given. */
export function lineConnector(id: string, more: Partial<Connector> = {}): Connector {
  return {
    manifest: {
      id,
      displayName: 'Lines',
      leadEventSource: 'Lines',
      arrival: ['stream', 'push'],
      history: { quality: 'exact', clockToleranceMs: 0 },
      limits: { default: { count: 1_000, perMs: 1_000, concurrent: 100 } },
      api: { version: '1', sunset: '2099-01-01', baseUrl: 'https://lines.example.com', streamUrl: 'https://stream.lines.example.com' },
      settings,
    },
    arrival: (given) => (given as z.infer<typeof settings>).changes,
    stream: { open: (app) => lineHub(new URL(app.streamUrl ?? '')) },
    classify: () => new CodedError({ code: 'lines', retry: 'later', scope: 'batch', userText: 'No.' }),
    normalise: () => [],
    needsPipeline: () => false,
    listStages: async () => [],
    listFields: async () => [],
    defaultMapping: () => [],
    check: async () => [],
    ...more,
  }
}

/** A socket that breaks ends its lines, and that is all: whoever reads them looks at how the socket closed. */
function readLines(socket: Socket): Interface {
  return createInterface({ input: socket }).on('error', () => undefined)
}

/** Opens a broken stream again by itself, behind what was given to the sink, as a real one does. */
function lineHub({ hostname, port }: URL): StreamHub {
  return {
    async follow(context, position, sink, signal) {
      let from = position
      while (!signal.aborted) {
        const { token } = await context.access.current()
        const kept: Promise<void>[] = []
        const socket = connect(Number(port), hostname)
        const stop = () => socket.destroy()
        signal.addEventListener('abort', stop)
        let refusal: Line['error']
        try {
          socket.on('error', () => undefined)
          socket.write(`${JSON.stringify({ account: context.account, token, position: from === undefined ? null : Number(from) })}\n`)
          readLines(socket).on('line', (text) => {
            const { error, ...batch } = JSON.parse(text) as Line
            refusal = error
            if (error !== undefined) return
            sink.standing('open')
            from = batch.position ?? from
            kept.push(sink.keep({ changes: [], ...batch }))
          })
          await new Promise((resolve) => socket.once('close', resolve))
          await Promise.all(kept)
        } finally {
          signal.removeEventListener('abort', stop)
          socket.destroy()
          await Promise.allSettled(kept)
        }
        if (refusal !== undefined) throw new CodedError({ ...refusal, scope: 'connection', userText: `The lines say ${refusal.code}.` })
        if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    close: async () => undefined,
  }
}
