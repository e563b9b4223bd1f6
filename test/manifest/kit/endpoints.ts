/** The addresses of the server for those who test it: who calls each, and what proves the caller. The API describes its own. */
import { code, notice, page, table } from './markdown.ts'
import type { Route } from './routes.ts'

interface Described {
  path: RegExp
  caller: string
  proof: string
  does: string
}

const API = '/api/'
const OPENAPI = '/api/openapi.json'

/** The first that fits describes a route. */
const descriptions: readonly Described[] = [
  {
    path: /^\/webhooks\/hubspot$/,
    caller: 'HubSpot',
    proof: 'HubSpot signature v3 over method, address, body and time; five minutes',
    does: 'takes changes of records; answers when they are stored',
  },
  {
    path: /^\/webhooks\/meta-lead-ads$/,
    caller: 'Meta',
    proof: 'POST: `X-Hub-Signature-256` over the body. GET: the word agreed for the handshake',
    does: 'takes the ids of new leads; answers when they are stored',
  },
  {
    path: /^\/webhooks\/webhook\//,
    caller: 'a system of the customer',
    proof: 'an unguessable address, and by choice of the customer an HMAC, a secret or a password',
    does: 'takes stage changes; answers when they are stored',
  },
  {
    path: /^\/connect\/:token/,
    caller: 'an admin in a browser',
    proof: 'an invitation: 256 random bits, once, three days',
    does: 'leads to the consent page of CRM or Meta, or takes the token of a dataset',
  },
  {
    path: /^\/oauth\//,
    caller: 'an admin in a browser, sent by CRM or Meta',
    proof: '`state`, bound to the browser and answered once; PKCE where the CRM has it',
    does: 'trades the code for a grant',
  },
  {
    path: /^\/meta\/data-deletion$/,
    caller: 'Meta',
    proof: 'signed request under the secret of the app',
    does: 'carries out a request for deletion',
  },
  {
    path: /^\/meta\/data-deletion\/:code$/,
    caller: 'the person who asked',
    proof: 'the confirmation code',
    does: 'says what became of it',
  },
  { path: /^\/(healthz|readyz)$/, caller: 'a load balancer', proof: 'none; tells nothing but whether it works', does: 'health' },
  { path: /^\/metrics$/, caller: 'Prometheus', proof: 'bearer token of the operator', does: 'counters, without anything about people' },
  {
    path: /^\/page\/:crm$/,
    caller: 'the CRM, in a frame of it',
    proof: "the CRM's signed request, once; whether the visitor is an admin is asked of the CRM",
    does: 'opens the page; it gets a bearer for 15 minutes',
  },
  {
    path: /^\/page\/[a-z-]+$/,
    caller: 'the CRM, in a frame of it, where an admin has still to approve the app',
    proof: 'none; tells where in the CRM that is done, and leads to its own address only',
    does: 'leads to the approval',
  },
  { path: /^\/page$/, caller: 'a browser', proof: 'none; the page holds nothing before somebody signs in', does: 'the page by itself' },
  { path: /^\/sign-in\//, caller: 'an admin in a browser', proof: 'the CRM says who it is', does: 'leads to the sign-in of the CRM' },
]

/** What is known of a route. Throws `Error` for one that nobody has described: a reviewer would ask about it. */
function describe({ path }: Route): Described {
  const found = descriptions.find((one) => one.path.test(path))
  if (found === undefined) throw new Error(`Say in test/manifest/kit/endpoints.ts who calls ${path}, and what proves the caller.`)
  return found
}

/** For people. */
export const endpointsPage = (routes: readonly Route[]): string =>
  page(
    notice('Addresses of the server'),
    'All are below the one origin of the server (`PUBLIC_URL`), by HTTPS. Nothing else is reachable from outside: the database, and Redis where it is used, are not.',
    table(
      ['method', 'path', 'caller', 'proof', 'does'],
      routes.filter(outsideApi).map((route) => {
        const { caller, proof, does } = describe(route)
        return [route.methods.join(', '), code(route.path), caller, proof, does]
      }),
    ),
    `Everything else is the API below ${code(API)}, called by the page and by the extension inside HubSpot. It describes itself, completely and as it is, at ${code(OPENAPI)} (OpenAPI 3.1, open to anybody). What proves the caller there is a bearer of 15 minutes, which the page gets when it is opened and renews by the CRM's next signed request or, on its own, by a cookie of ours, or HubSpot's signature v3 on each request. Both name account and user; nothing in an address or a body does. Changes take somebody whom the CRM says is an admin. A file is fetched by a random word that works once.`,
    'A refused proof gets 400 or 401 with a short reason and costs nothing but its reading; bodies are limited (1 MB at most, a file of leads 8 MB), requests to 10 seconds, and everything for people to a number of requests a minute from one address or of one visitor. The files of the page (scripts, styles) are below `/page/`.',
  )

const outsideApi = ({ path }: Route) => !path.startsWith(API)

/** Values for the variable parts of a path, none of which exists but the CRM. */
const concrete = (path: string) => path.replace(':crm', 'salesforce').replace(/:(\w+)/g, '$1-0')

/** A plan for ZAP's automation framework, which reads the origin and a bearer from the environment. */
export const zapPlan = (routes: readonly Route[]): string => {
  const origin = '$' + '{LEADSTAGE_URL}'
  const bearer = '$' + '{LEADSTAGE_BEARER}'
  const requests = routes
    .filter(outsideApi)
    .flatMap(({ methods, path }) => methods.map((method) => `      - { method: ${method}, url: "${origin}${concrete(path)}" }`))
  return `# Made by \`npm run packages:kit\`. Every address of the server, for ZAP's automation framework:
#   LEADSTAGE_URL=https://… LEADSTAGE_BEARER=… zap.sh -cmd -autorun zap.yaml
# LEADSTAGE_BEARER is in the requests of an open page; it lasts 15 minutes, so scan in parts or renew it.
# Scan an installation of its own with sample data, never one with customers.
env:
  contexts:
    - name: leadstage
      urls: ["${origin}"]
      includePaths: ["${origin}/.*"]
  parameters: { failOnError: true, progressToStdout: true }
jobs:
  - type: replacer
    parameters: { deleteAllRules: true }
    rules:
      - { description: bearer, matchType: req_header, matchString: Authorization, matchRegex: false, replacementString: "Bearer ${bearer}" }
  - type: openapi
    parameters: { apiUrl: "${origin}${OPENAPI}", targetUrl: "${origin}" }
  - type: requestor
    parameters: {}
    requests:
${requests.join('\n')}
  - type: passiveScan-wait
    parameters: { maxDuration: 10 }
  - type: activeScan
    parameters: { context: leadstage, maxScanDurationInMins: 60 }
  - type: report
    parameters: { template: traditional-html, reportFile: zap-report.html, reportTitle: Leadstage }
`
}
