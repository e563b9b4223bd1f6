/** Facebook Login for Business, carried by `@fastify/oauth2`: to Meta's dialog, and from the code to a token. */
import oauth2, { type OAuth2Namespace } from '@fastify/oauth2'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { CodedError } from '../../../connectors/errors.ts'
import type { MetaApp } from '../../meta/app.ts'

declare module 'fastify' {
  interface FastifyInstance {
    metaLogin: OAuth2Namespace
  }
}

export interface MetaLogin {
  /** The page of Meta on which a person is asked; the answer comes back with this state. */
  consentUrl(request: FastifyRequest, reply: FastifyReply, state: string): Promise<string>
  /**
   * Trades the code of a request whose state the caller has judged. Throws `CodedError` `code_spent` (only a new consent helps),
   * `app_misconfigured`, `meta_unavailable`.
   */
  exchange(request: FastifyRequest, reply: FastifyReply): Promise<{ token: string; expiresAt?: number }>
}

interface Options {
  metaApp?: MetaApp
  graphUrl: string
  graphVersion: string
  publicUrl: string
}

const TIMEOUT_MS = 10_000

/** Undefined where no configuration for the login is set. */
export async function registerMetaLogin(
  server: FastifyInstance,
  { metaApp, graphUrl, graphVersion, publicUrl }: Options,
): Promise<MetaLogin | undefined> {
  if (metaApp?.loginConfig === undefined) return undefined
  // The states are ours: kept in the database, bound to the browser, answered once.
  const states = new WeakMap<FastifyRequest, string>()
  const judged = new WeakSet<FastifyRequest>()
  await server.register(oauth2, {
    name: 'metaLogin',
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
    // The configuration decides on permissions and assets, and that a token of a system user comes of it (Login for Business).
    callbackUriParams: { config_id: metaApp.loginConfig, override_default_response_type: 'true' },
    generateStateFunction: (request: FastifyRequest) => states.get(request) ?? '',
    checkStateFunction: async (request: FastifyRequest) => judged.has(request),
    hostPrefixedCookies: publicUrl.startsWith('https:'),
  })
  const { metaLogin } = server
  return {
    consentUrl(request, reply, state) {
      states.set(request, state)
      return metaLogin.generateAuthorizationUri(request, reply)
    },
    async exchange(request, reply) {
      judged.add(request)
      try {
        const { token } = await metaLogin.getAccessTokenFromAuthorizationCodeFlow(request, reply)
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
  // 36007 and 36009: the code has run out or was used before; 36008: for another address (Graph API, access token errors).
  const spent = told?.error_subcode === 36007 || told?.error_subcode === 36009
  if (spent)
    return new CodedError({
      code: 'code_spent',
      retry: 'never',
      scope: 'connection',
      userText: 'This consent was used before, or it has run out. Nothing was changed; start again from the link.',
    })
  if (told?.error_subcode === 36008 || told?.code === 1 || told?.code === 101)
    return new CodedError({
      code: 'app_misconfigured',
      retry: 'later',
      scope: 'connection',
      userText: 'Meta does not accept the credentials of this app. Its operator has to check app id, secret and redirect address.',
    })
  return new CodedError({
    code: 'meta_unavailable',
    retry: 'later',
    scope: 'connection',
    userText: 'Meta did not answer as it should. Try again in a few minutes.',
  })
}
