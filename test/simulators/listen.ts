import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Misbehaviour, MisbehaviourBook } from './misbehaviour.ts'

/** A request as it arrived, body unread by anyone. */
export interface Exchange {
  method: string
  /** Path and query as they came, nothing decoded. */
  target: string
  path: string
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: Buffer
  /** When the body was complete, milliseconds. */
  at: number
}
export interface Answer {
  status: number
  headers?: Record<string, string> | undefined
  json?: unknown
  text?: string | undefined
}
/**
 * What a simulator lets tests do to it: by name, in process or as `POST /__control/<name>` with the input
 * as JSON body, each with an input of its own. A list of inputs runs the command for each and answers with the list of results.
 */
export type Commands = Record<string, (input: never) => unknown>

export interface Listening {
  port: number
  url: string
  misbehaviours: MisbehaviourBook
  close(): Promise<void>
}

/**
 * Serves one simulated service on 127.0.0.1: its true protocol through `handle`, its control commands under `/__control/`,
 * and the misbehaviours asked for. `port` 0 picks a free one. `handle` gets the misbehaviour where it is a partial one.
 */
export async function listen(options: {
  port?: number | undefined
  commands: Commands
  handle: (exchange: Exchange, short: Misbehaviour | undefined) => Answer | Promise<Answer>
  /** Request line and headers may be so long; above, nobody gets to see the request. Node's limit by default. */
  maxHeaderBytes?: number | undefined
  /** Hears of requests that misbehaviour kept from `handle`. */
  unhandled: (exchange: Exchange, rule: Misbehaviour) => void
}): Promise<Listening> {
  const misbehaviours = new MisbehaviourBook()
  const { maxHeaderBytes } = options
  const server = createServer({ ...(maxHeaderBytes !== undefined && { maxHeaderSize: maxHeaderBytes }) }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (request.destroyed || response.destroyed) return
      send(response, { status: 500, json: { simulatorError: String(error instanceof Error ? error.stack : error) } })
    })
  })

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = await read(request)
    if (exchange.path.startsWith('/__control/')) return send(response, await control(options.commands, exchange))
    const rule = misbehaviours.take(exchange.method, exchange.path)
    if (rule === undefined) return send(response, await options.handle(exchange, undefined))
    if (rule.delayMs !== undefined) await sleep(rule.delayMs)
    await rule.held?.()
    if (rule.how === 'slow') return send(response, await options.handle(exchange, undefined))
    if (rule.how === 'cut') return cut(response, await options.handle(exchange, undefined))
    if (rule.how === 'short') return send(response, await options.handle(exchange, rule))
    if (rule.handled === true) await options.handle(exchange, undefined)
    else options.unhandled(exchange, rule)
    if (rule.how === 'drop') request.socket.destroy()
    if (rule.how === 'answer') send(response, { status: rule.status ?? 500, headers: rule.headers, json: rule.json, text: rule.text })
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    misbehaviours,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function read(request: IncomingMessage): Promise<Exchange> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const target = request.url ?? '/'
  const mark = target.indexOf('?')
  return {
    method: request.method ?? 'GET',
    target,
    path: decodeURIComponent(mark < 0 ? target : target.slice(0, mark)),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers: request.headers,
    body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks),
    at: Date.now(),
  }
}

function send(response: ServerResponse, answer: Answer): void {
  const body = answer.text ?? (answer.json === undefined ? '' : JSON.stringify(answer.json))
  const headers: Record<string, string | number> = { ...answer.headers, 'content-length': Buffer.byteLength(body) }
  if (answer.text === undefined && answer.json !== undefined) headers['content-type'] = 'application/json;charset=utf-8'
  response.writeHead(answer.status, headers)
  response.end(body)
}

/** The head of an answer and half of its body. */
function cut(response: ServerResponse, answer: Answer): void {
  const body = Buffer.from(answer.text ?? JSON.stringify(answer.json ?? ''))
  response.writeHead(answer.status, { ...answer.headers, 'content-type': 'application/json', 'content-length': body.length })
  response.write(body.subarray(0, body.length / 2), () => response.destroy())
}

async function control(commands: Commands, exchange: Exchange): Promise<Answer> {
  const command = commands[exchange.path.slice('/__control/'.length)]
  if (command === undefined) return { status: 404, json: { error: 'no such command', commands: Object.keys(commands) } }
  // What a command takes is its own affair; what comes over the wire is not checked here.
  const run = async (input: unknown) => (await command(input as never)) ?? {}
  try {
    const input: unknown = exchange.body.length === 0 ? {} : JSON.parse(exchange.body.toString('utf8'))
    const result = await (Array.isArray(input) ? Promise.all(input.map(run)) : run(input))
    return { status: 200, json: result }
  } catch (error) {
    return { status: 400, json: { error: error instanceof Error ? error.message : String(error) } }
  }
}
