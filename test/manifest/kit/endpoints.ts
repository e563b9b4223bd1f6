/** The addresses of the server for those who test it: who calls each, and what proves the caller. */
import { code, notice, page, table } from './markdown.ts'
import type { Route } from './routes.ts'

interface Described {
  path: RegExp
  caller: string
  proof: string
  does: string
}

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
    path: /^\/page\//,
    caller: 'CRM, in a frame of it; or an admin in a browser',
    proof: "the CRM's signed request (Salesforce: `signed_request`, once), or a sign-in at the CRM",
    does: 'opens the page of settings; the page gets a pass for 15 minutes',
  },
  {
    path: /^\/api\/openapi\.json$/,
    caller: 'anybody',
    proof: 'none',
    does: 'describes the API',
  },
  {
    path: /^\/api\//,
    caller: 'the page, or the extension inside HubSpot',
    proof: 'a pass of 15 minutes (bearer), or HubSpot signature v3; the right of an admin before a change',
    does: 'reads and changes the settings of one account',
  },
  { path: /^\/(assets\/)?\*$|^\/assets\//, caller: 'a browser', proof: 'none', does: 'scripts and styles of the page' },
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
      routes.map((route) => {
        const { caller, proof, does } = describe(route)
        return [route.methods.join(', '), code(route.path), caller, proof, does]
      }),
    ),
    'A refused proof gets 400 or 401 with a short reason and costs nothing but its reading; bodies are limited to 1 MB (16 KB for forms), requests to 10 seconds, and pages for people to a number of requests a minute from one address.',
  )

/** Values for the variable parts of a path, none of which exists. */
const concrete = (path: string) =>
  path.replace(':crm', 'salesforce').replace(/:[A-Za-z]+|\*/g, (part) => (part === '*' ? 'none' : `${part.slice(1)}-0`))

/** A plan for ZAP's automation framework, which reads the origin and a pass from the environment. */
export const zapPlan = (routes: readonly Route[]): string => {
  const origin = '$' + '{LEADSTAGE_URL}'
  const pass = '$' + '{LEADSTAGE_PASS}'
  const requests = routes.flatMap(({ methods, path }) =>
    methods.map((method) => `      - { method: ${method}, url: "${origin}${concrete(path)}" }`),
  )
  const hasApi = routes.some(({ path }) => path === '/api/openapi.json')
  return `# Made by \`npm run packages:kit\`. Every address of the server, for ZAP's automation framework:
#   LEADSTAGE_URL=https://… LEADSTAGE_PASS=… zap.sh -cmd -autorun zap.yaml
# LEADSTAGE_PASS is the pass of an open page (the bearer in its requests); it lasts 15 minutes, so scan in parts or renew it.
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
      - { description: pass, matchType: req_header, matchString: Authorization, matchRegex: false, replacementString: "Bearer ${pass}" }
${hasApi ? `  - type: openapi\n    parameters: { apiUrl: "${origin}/api/openapi.json", targetUrl: "${origin}" }\n` : ''}  - type: requestor
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
