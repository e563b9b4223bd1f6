/** What connector functions are given, without the core: a token, and nothing that waits, limits or tries again. */
import type { Connector, CrmClient, HttpPort } from '../../connectors/connector.ts'
import { parseJson } from '../../connectors/parse-json.ts'

export const bareClient = (
  url: string,
  accessToken: string,
  classify: Connector['classify'],
  proof: Record<string, string> = {},
): CrmClient => ({
  async request(request) {
    const query = new URLSearchParams({ ...request.query, ...proof })
    const answer = await fetch(`${url}${request.url}${query.size > 0 ? `?${query}` : ''}`, {
      method: request.method,
      headers: { authorization: `Bearer ${accessToken}`, ...(request.form === undefined && { 'content-type': 'application/json' }) },
      ...(request.json !== undefined && { body: JSON.stringify(request.json) }),
      ...(request.form !== undefined && { body: new URLSearchParams(request.form) }),
    })
    const reply = { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() }
    if (!answer.ok && !request.expect?.includes(reply.status)) throw classify(reply, request)
    return { status: reply.status, body: parseJson(reply.text || 'null') ?? undefined }
  },
})

/** A bare HTTP exchange. */
export const http: HttpPort = async (request) => {
  const query = request.query ? `?${new URLSearchParams(request.query)}` : ''
  const answer = await fetch(request.url + query, {
    method: request.method,
    ...(request.headers && { headers: request.headers }),
    ...(request.form && { body: new URLSearchParams(request.form) }),
  })
  return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() }
}
