/** What connector functions are given, without the core: a token, and nothing that waits, limits or tries again. */
import type { Connector, CrmClient, HttpPort } from '../../connectors/connector.ts'
import { parseJson } from '../../connectors/parse-json.ts'

export const bareClient = (url: string, accessToken: string, classify: Connector['classify']): CrmClient => ({
  async request(request) {
    const answer = await fetch(url + request.url, {
      method: request.method,
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      ...(request.json !== undefined && { body: JSON.stringify(request.json) }),
    })
    const reply = { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() }
    if (!answer.ok && !request.expect?.includes(reply.status)) throw classify(reply, request)
    return { status: reply.status, body: parseJson(reply.text || 'null') ?? undefined }
  },
})

/** A bare HTTP exchange. */
export const http: HttpPort = async (request) => {
  const answer = await fetch(request.url, { method: request.method, ...(request.form && { body: new URLSearchParams(request.form) }) })
  return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() }
}
