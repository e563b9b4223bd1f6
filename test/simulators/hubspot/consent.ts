/** The pages on which an admin agrees to an app, and the marketplace that begins an install by itself. */
import type { Answer, Exchange } from '../listen.ts'
import type { Tokens } from './tokens.ts'

/** What the app says of itself in its configuration. */
export interface Declared {
  requiredScopes: readonly string[]
  optionalScopes: readonly string[]
}

const page = (status: number, title: string, body: string): Answer => ({
  status,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  text: `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><main><h1>${title}</h1>${body}</main></html>`,
})
const escapeHtml = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)

/** `GET` shows who asks for what; `POST` is the decision. Undefined for other paths. */
export function consentCall(exchange: Exchange, tokens: Tokens, portals: readonly number[], declared: Declared): Answer | undefined {
  if (exchange.path !== '/oauth/authorize') return undefined
  const asked = exchange.query
  const redirectUri = asked.get('redirect_uri') ?? ''
  if (asked.get('client_id') !== tokens.app.clientId) return page(400, 'Authorization failed', '<p>The client id is not known.</p>')
  if (!tokens.app.redirectUris.includes(redirectUri))
    return page(400, 'Authorization failed', '<p>The redirect URL does not match the registered one.</p>')
  const scopes = (asked.get('scope') ?? '').split(' ').filter((scope) => scope !== '')
  const optional = (asked.get('optional_scope') ?? '').split(' ').filter((scope) => scope !== '')
  const strange = [...scopes, ...optional].filter((scope) => ![...declared.requiredScopes, ...declared.optionalScopes].includes(scope))
  const missing = declared.requiredScopes.filter((scope) => !scopes.includes(scope))
  if (strange.length + missing.length > 0) {
    const list = [...strange, ...missing].map((scope) => `<li>${escapeHtml(scope)}</li>`).join('')
    return page(400, 'Scope mismatch', `<p>The scopes of the link are not those of the app:</p><ul>${list}</ul>`)
  }
  if (exchange.method === 'POST') {
    const form = new URLSearchParams(exchange.body.toString('utf8'))
    const back = new URL(redirectUri)
    const state = asked.get('state')
    if (form.get('decision') === 'allow') {
      const challenge = asked.get('code_challenge') ?? undefined
      const { code } = tokens.install(Number(form.get('portal')), [...scopes, ...optional], undefined, redirectUri, challenge)
      back.searchParams.set('code', code)
    } else {
      back.searchParams.set('error', 'access_denied')
      back.searchParams.set('error_description', 'the user declined')
    }
    if (state !== null) back.searchParams.set('state', state)
    return { status: 302, headers: { location: back.href } }
  }
  const choices = portals.map(
    (id, index) => `<label><input type="radio" name="portal" value="${id}"${index === 0 ? ' checked' : ''}> Account ${id}</label><br>`,
  )
  return page(
    200,
    'Connect app to HubSpot',
    `<form method="post">${choices.join('')}<ul>${scopes.map((scope) => `<li>${escapeHtml(scope)}</li>`).join('')}</ul>
    <button name="decision" value="allow">Connect app</button> <button name="decision" value="deny">Cancel</button></form>`,
  )
}

/** Where the marketplace waits for the browser after the app has taken the code. */
export function marketplaceCall(exchange: Exchange): Answer | undefined {
  return exchange.path === '/marketplace/installed' ? page(200, 'App installed', '<p>You can close this page.</p>') : undefined
}
