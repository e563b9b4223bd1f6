/** The dialogs of Meta's that end with a token, carried by `@fastify/oauth2`: Facebook Login for Business, and the Business Extension. */
import oauth2, { type OAuth2Namespace } from '@fastify/oauth2'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { CodedError } from '../../../connectors/errors.ts'
import { loginRefusal } from '../../../connectors/graph/login-refusal.ts'
import type { MetaApp } from '../../meta/app.ts'
import { dialogScopes } from '../../meta/business-extension.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metaLogin: OAuth2Namespace
    metaExtension: OAuth2Namespace
  }
}

export interface MetaDialog {
  /** The page of Meta on which a person is asked; the answer comes back with this state. `more`: further parameters of the page. */
  consentUrl(request: FastifyRequest, reply: FastifyReply, state: string, more?: Record<string, string>): Promise<string>
  /**
   * Trades the code of a request whose state the caller has judged. Throws `CodedError` `code_spent` (only a new consent helps),
   * `app_misconfigured`, `meta_unavailable`.
   */
  exchange(request: FastifyRequest, reply: FastifyReply): Promise<{ token: string; expiresAt?: number }>
}

export interface MetaDialogs {
  login?: MetaDialog
  extension?: MetaDialog
}

interface Options {
  metaApp?: MetaApp
  graphUrl: string
  graphVersion: string
  publicUrl: string
}

const TIMEOUT_MS = 10_000

/** The dialogs that are set up. Both come back to the same address; which one it was, the consent tells. */
export async function registerMetaDialogs(server: FastifyInstance, options: Options): Promise<MetaDialogs> {
  const { metaApp } = options
  if (metaApp === undefined) return {}
  const { loginConfig, extension } = metaApp
  return {
    // The configuration decides on permissions and assets, and that a token of a system user comes of it (Login for Business).
    ...(loginConfig !== undefined && {
      login: await register(
        server,
        'metaLogin',
        { ...options, metaApp },
        {
          config_id: loginConfig,
          override_default_response_type: 'true',
        },
      ),
    }),
    ...(extension && {
      extension: await register(server, 'metaExtension', { ...options, metaApp }, { display: 'page' }, dialogScopes),
    }),
  }
}

async function register(
  server: FastifyInstance,
  name: 'metaLogin' | 'metaExtension',
  { metaApp, graphUrl, graphVersion, publicUrl }: Options & { metaApp: MetaApp },
  callbackUriParams: Record<string, string>,
  scopes: readonly string[] = [],
): Promise<MetaDialog> {
  // The states are ours: kept in the database, bound to the browser, answered once.
  const states = new WeakMap<FastifyRequest, string>()
  const judged = new WeakSet<FastifyRequest>()
  await server.register(oauth2, {
    name,
    // Meta wants commas between, the library would put spaces.
    ...(scopes.length > 0 && { scope: [scopes.join(',')] }),
    credentials: {
      client: { id: metaApp.id, secret: metaApp.secret },
      auth: {
        authorizeHost: metaApp.dialogUrl,
        authorizePath: `/${graphVersion}/dialog/oauth`,
        tokenHost: graphUrl,
        tokenPath: `/${graphVersion}/oauth/access_token`,
      },
      http: { timeout: TIMEOUT_MS },
      options: { authorizationMethod: 'body' },
    },
    callbackUri: `${publicUrl}/oauth/meta/callback`,
    callbackUriParams,
    generateStateFunction: (request: FastifyRequest) => states.get(request) ?? '',
    checkStateFunction: async (request: FastifyRequest) => judged.has(request),
    hostPrefixedCookies: publicUrl.startsWith('https:'),
  })
  const dialog = server[name]
  return {
    async consentUrl(request, reply, state, more = {}) {
      states.set(request, state)
      const url = new URL(await dialog.generateAuthorizationUri(request, reply))
      for (const [parameter, value] of Object.entries(more)) url.searchParams.set(parameter, value)
      return url.href
    },
    async exchange(request, reply) {
      judged.add(request)
      try {
        const { token } = await dialog.getAccessTokenFromAuthorizationCodeFlow(request, reply)
        const expiresAt = token.expires_in === undefined ? undefined : Date.now() + Number(token.expires_in) * 1000
        return { token: token.access_token, ...(expiresAt !== undefined && { expiresAt }) }
      } catch (error) {
        throw classify(error)
      }
    },
  }
}

/** What Meta's answer means; the error comes from the library and may hold the code, so nothing of it is passed on. */
function classify(error: unknown): CodedError {
  const { error: told } = ((error as { data?: { payload?: unknown } }).data?.payload ?? {}) as {
    error?: { code?: number; error_subcode?: number }
  }
  return loginRefusal(told)
}
