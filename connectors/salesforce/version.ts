/**
 * Salesforce's API version, used in every path. A version lives for at least three years (Salesforce, API end-of-life
 * policy): 66.0 came with Spring '26. Accounts sign in at `baseUrl` and have an origin each for their own API; all of them
 * share one address for change events.
 */
export const api = {
  version: '66.0',
  sunset: '2029-02-01',
  baseUrl: 'https://login.salesforce.com',
  streamUrl: 'https://api.pubsub.salesforce.com:7443',
} as const

/** Where the REST API of an account begins. */
export const root = `/services/data/v${api.version}`
