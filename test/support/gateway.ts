/** An HTTP gateway before a stand-in: it may answer a request itself, judged by its path and body, and passes on the rest. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { request } from 'undici'

export type Own = (call: { path: string; body: string }) => { status: number; json: unknown } | undefined

/** @returns where it listens */
export async function startGateway(t: Test, target: string, own: Own): Promise<string> {
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const path = incoming.url ?? '/'
    const answer = own({ path, body: body.toString() })
    if (answer !== undefined) {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.json))
      return
    }
    const passed = await request(target + path, {
      method: incoming.method as 'GET' | 'POST',
      headers: withoutHops(incoming.headers),
      ...(body.length > 0 && { body }),
    })
    response.writeHead(passed.statusCode, withoutHops(passed.headers as IncomingHttpHeaders)).end(await passed.body.text())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function withoutHops(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const { connection: _, host: __, 'transfer-encoding': ___, 'content-length': ____, 'keep-alive': _____, ...rest } = headers
  return rest as Record<string, string | string[]>
}
