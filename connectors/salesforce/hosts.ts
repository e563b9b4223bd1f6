/** Where an account of Salesforce signs in, and which hosts are Salesforce's at all. */
import type { AppCredentials, Install } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { api } from './version.ts'

const PRODUCTION = api.baseUrl
const SANDBOX = 'https://test.salesforce.com'

/** Hosts of one org, of production and of its sandboxes, `org--sandbox` (Salesforce, My Domain: partitioned domains). */
const MY_DOMAIN = /^[a-z0-9-]+(\.(sandbox|develop|scratch|demo|patch|trailblaze|free))?\.my\.salesforce\.com$/

/**
 * See `Install.authUrl`. People copy what their browser shows, so the host of a page is read as the My Domain behind it. An
 * org may block the common sign-in hosts, which is why its own is taken. Where our app lives elsewhere (tests, demos), that
 * origin is taken too, and stands for both of the common ones.
 */
export const authUrl: NonNullable<Install['authUrl']> = (typed, app) => {
  const word = typed.trim().toLowerCase()
  const isElsewhere = app.baseUrl !== PRODUCTION
  if (['', 'production', 'login', 'developer'].includes(word)) return app.baseUrl
  if (['sandbox', 'test'].includes(word)) return isElsewhere ? app.baseUrl : SANDBOX
  const url = URL.parse(/^https?:\/\//.test(word) ? word : `https://${word}`)
  if (url !== null && url.username === '' && url.password === '') {
    if (isElsewhere && url.origin === originOf(app)) return app.baseUrl
    const host = url.hostname
      .replace(/\.lightning\.force\.com$/, '.my.salesforce.com')
      .replace(/\.my\.salesforce-setup\.com$/, '.my.salesforce.com')
    const isKnown = MY_DOMAIN.test(host) || [PRODUCTION, SANDBOX].includes(`https://${host}`)
    if (url.protocol === 'https:' && url.port === '' && isKnown) return `https://${host}`
  }
  throw new CodedError({
    code: 'unknown_host',
    retry: 'never',
    scope: 'event',
    userText:
      'This is no sign-in address of Salesforce. Give "production", "sandbox", or the My Domain of the org, for example acme.my.salesforce.com.',
  })
}

/** The origin of a URL that Salesforce gave, if it is one of Salesforce's (or of the place where our app lives in tests). */
export function ownOrigin(given: string, app: AppCredentials): string | undefined {
  const url = URL.parse(given)
  if (url === null || url.username !== '' || url.password !== '') return undefined
  if (app.baseUrl !== PRODUCTION && url.origin === originOf(app)) return url.origin
  return url.protocol === 'https:' && url.port === '' && url.hostname.endsWith('.salesforce.com') ? url.origin : undefined
}

/** Whether one of these addresses of an account is one that only sandboxes have. */
export const isSandbox = (addresses: readonly string[]): boolean =>
  addresses.some((address) => {
    const host = URL.parse(address)?.hostname ?? ''
    return host === 'test.salesforce.com' || /--[a-z0-9-]+(\.sandbox)?\.my\.salesforce\.com$/.test(host)
  })

const originOf = (app: AppCredentials) => new URL(app.baseUrl).origin
