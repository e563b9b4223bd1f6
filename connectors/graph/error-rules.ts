/**
 * What an error of the Graph API asks of us. `retry`: back off, same payload. `throttle`: leave the whole `scope` alone for
 * a while. `reconnect`, `permission`, `configuration`: hold everything until somebody has acted. `payload`: an event is at
 * fault, find it by halving. `unknown`: treated like `payload`, with the guard that the same unknown error of different
 * events stops the dataset.
 */
export type GraphErrorClass = 'retry' | 'throttle' | 'reconnect' | 'permission' | 'configuration' | 'payload' | 'unknown'

/** How far the error reaches: what else would meet it. */
export type GraphErrorScope = 'app' | 'token' | 'page' | 'dataset' | 'batch' | 'event' | 'request'

export interface GraphErrorRule {
  /** Codes, or spans of codes with both ends in. */
  codes: (number | [from: number, to: number])[]
  /** Only with one of these subcodes. */
  subcodes?: number[]
  class: GraphErrorClass
  scope: GraphErrorScope
  /** False: Meta does not say, or we could not confirm, what exactly it means. Default true. */
  known?: boolean
  /** At least so long, in ms, whatever the headers say. */
  waitMs?: number
  /** After so many failures in a row the error no longer counts as passing. */
  retryLimit?: number
  /** A person should hear of it at once, though it may pass by itself. */
  alert?: boolean
  /** What happened and what to do, for the person who runs the dataset. */
  text: string
}

const HOUR_MS = 3_600_000

/** Texts also used for answers that hold no code. */
export const busy = 'Meta had a passing fault; the events are sent again by themselves.'
export const limited = 'Meta asks us to slow down; the events are sent as soon as it allows.'

const connectAgain = 'Create a new access token for the dataset in Events Manager and connect it again; the events are kept until then.'
const notGranted = 'Give the owner of the access token the right to manage the dataset; the events are kept until then.'
const messaging = 'Meta read the event as one of a messaging channel, which it is not.'

const appLimit = [1504022, 1504039]
const blocked = [1404078, 2859015]
/** Subcodes that tell more than the code they come with: they are looked up as if they were the code. */
export const tellingSubcodes: ReadonlySet<number> = new Set([...appLimit, ...blocked])

/**
 * Meta's codes, the first rule that fits wins. From: Graph API error handling, Marketing API error reference and rate
 * limiting, Graph API rate limits, and the permanent payload errors that other integrations have met in production.
 */
export const graphErrorRules: readonly GraphErrorRule[] = [
  { codes: [4, 341, ...appLimit], class: 'throttle', scope: 'app', text: limited },
  { codes: [17], class: 'throttle', scope: 'token', text: limited },
  { codes: [32], class: 'throttle', scope: 'page', text: limited },
  { codes: [613], subcodes: [1996, 1487742, 5044001], class: 'throttle', scope: 'dataset', text: limited },
  { codes: [613], class: 'throttle', scope: 'token', text: limited },
  { codes: [80001, 80005, 80006], class: 'throttle', scope: 'page', text: limited },
  { codes: [80000, 80002, 80003, 80004, 80008, 80009, 80014], class: 'throttle', scope: 'dataset', text: limited },
  {
    codes: [368, ...blocked],
    class: 'throttle',
    scope: 'token',
    waitMs: 4 * HOUR_MS,
    alert: true,
    text: 'Meta has blocked this action for a while under its policies. Look for a notice in Business Support Home; the events are tried again in some hours.',
  },

  {
    codes: [190, 102],
    subcodes: [458],
    class: 'reconnect',
    scope: 'token',
    text: `The app behind the access token was removed. ${connectAgain}`,
  },
  {
    codes: [190, 102],
    subcodes: [459],
    class: 'reconnect',
    scope: 'token',
    text: `Meta wants the owner of the access token to log in and pass a security check. ${connectAgain}`,
  },
  {
    codes: [190, 102],
    subcodes: [460],
    class: 'reconnect',
    scope: 'token',
    text: `The password of the owner of the access token was changed. ${connectAgain}`,
  },
  { codes: [190, 102], subcodes: [463], class: 'reconnect', scope: 'token', text: `The access token has expired. ${connectAgain}` },
  {
    codes: [190, 102],
    subcodes: [464],
    class: 'reconnect',
    scope: 'token',
    text: `The owner of the access token has not been confirmed by Meta. ${connectAgain}`,
  },
  { codes: [190, 102], subcodes: [467], class: 'reconnect', scope: 'token', text: `The access token is no longer valid. ${connectAgain}` },
  {
    codes: [190, 102],
    subcodes: [492],
    class: 'reconnect',
    scope: 'token',
    text: `The owner of the access token has lost the role on the page. ${connectAgain}`,
  },
  {
    codes: [190, 102, 450, 452, 2500],
    class: 'reconnect',
    scope: 'token',
    text: `Meta does not accept the access token. ${connectAgain}`,
  },

  {
    codes: [104],
    class: 'configuration',
    scope: 'app',
    text: 'Meta does not accept the signature made with our app secret. This is for the operator of the app to correct; the events are kept until then.',
  },
  {
    codes: [2635],
    class: 'configuration',
    scope: 'app',
    text: 'The version of the Graph API that we call has ended. This is for the operator of the app to correct; the events are kept until then.',
  },
  {
    codes: [100],
    subcodes: [33],
    class: 'configuration',
    scope: 'dataset',
    text: 'The dataset does not exist, or the access token may not see it. Check the dataset id and that the dataset is assigned to the owner of the token; the events are kept until then.',
  },
  {
    codes: [803],
    class: 'configuration',
    scope: 'dataset',
    text: 'Meta does not know the dataset id. Check it; the events are kept until then.',
  },
  {
    codes: [3],
    class: 'permission',
    scope: 'app',
    text: `The app of the access token lacks a capability. ${notGranted}`,
  },
  {
    codes: [294],
    class: 'permission',
    scope: 'token',
    text: `The access token needs the permission ads_management and an app that Meta allows to use it. ${notGranted}`,
  },
  { codes: [10, [200, 299]], class: 'permission', scope: 'token', text: `The access token lacks a permission. ${notGranted}` },

  {
    codes: [100],
    subcodes: [2804003],
    class: 'payload',
    scope: 'event',
    text: 'Meta takes events for 7 days only; this one had become too old.',
  },
  { codes: [100], subcodes: [2804004], class: 'payload', scope: 'event', text: 'The time of the event lies in the future.' },
  { codes: [100], subcodes: [2804009], class: 'payload', scope: 'event', text: 'Meta wants an amount with an event of the name Purchase.' },
  { codes: [100], subcodes: [2804023], class: 'payload', scope: 'event', text: 'The event has an amount without a currency.' },
  { codes: [100], subcodes: [2804043], class: 'payload', scope: 'event', text: 'Meta read the event as one of an app, which it is not.' },
  {
    codes: [100],
    subcodes: [2804050],
    class: 'payload',
    scope: 'event',
    text: 'What is known of the person is not enough for Meta to find anyone.',
  },
  {
    codes: [100],
    subcodes: [2804063, 2804066, 2804069, 2804079, 2804087, 2804116, 2804118, 2804132],
    class: 'payload',
    scope: 'event',
    known: false,
    text: messaging,
  },
  { codes: [100], class: 'payload', scope: 'event', known: false, text: 'Meta does not accept a value in the event.' },
  { codes: [105], class: 'payload', scope: 'batch', text: 'The request had more in it than Meta takes.' },

  { codes: [1], class: 'retry', scope: 'request', retryLimit: 5, text: busy },
  { codes: [2, 5000, 21009, [Number.NEGATIVE_INFINITY, -1]], class: 'retry', scope: 'request', text: busy },
]
