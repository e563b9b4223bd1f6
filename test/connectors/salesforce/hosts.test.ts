import t from 'tap'
import { authUrl } from '../../../connectors/salesforce/hosts.ts'

const app = { appId: '1', clientId: 'key', clientSecrets: ['s'], baseUrl: 'https://login.salesforce.com' }
const local = { ...app, baseUrl: 'http://127.0.0.1:4000' }

t.test('words, hosts and copied addresses mean the host where an org signs in', async (t) => {
  for (const [typed, expected] of Object.entries({
    '': 'https://login.salesforce.com',
    production: 'https://login.salesforce.com',
    ' Sandbox ': 'https://test.salesforce.com',
    'login.salesforce.com': 'https://login.salesforce.com',
    'https://test.salesforce.com/': 'https://test.salesforce.com',
    'acme.my.salesforce.com': 'https://acme.my.salesforce.com',
    'ACME--Dev.sandbox.my.salesforce.com': 'https://acme--dev.sandbox.my.salesforce.com',
    'orgfarm-1.develop.my.salesforce.com': 'https://orgfarm-1.develop.my.salesforce.com',
    'https://acme.lightning.force.com/lightning/setup/SetupOneHome/home?x=1': 'https://acme.my.salesforce.com',
    'acme--dev.sandbox.lightning.force.com': 'https://acme--dev.sandbox.my.salesforce.com',
    'https://acme.my.salesforce-setup.com/lightning/setup': 'https://acme.my.salesforce.com',
  }))
    t.equal(authUrl(typed, app), expected, typed)
})

t.test('anything else is refused', async (t) => {
  for (const typed of [
    'acme',
    'acme.salesforce.com',
    'evil.example/acme.my.salesforce.com',
    'acme.my.salesforce.com.evil.example',
    'https://acme.my.salesforce.com@evil.example',
    'https://user:pw@acme.my.salesforce.com',
    'http://acme.my.salesforce.com',
    'https://acme.my.salesforce.com:8443',
    'a.b.my.salesforce.com',
    'http://127.0.0.1:4000',
    'javascript:alert(1)',
    'acme my.salesforce.com',
    // Looked at once: as often as it has signs, and it would never end.
    `${'-'.repeat(1_000_000)}.example`,
  ])
    t.throws(() => authUrl(typed, app), { code: 'unknown_host', retry: 'never' }, typed.slice(0, 80))
})

t.test('where our app lives elsewhere, that is where orgs sign in', async (t) => {
  for (const typed of ['', 'production', 'sandbox', 'http://127.0.0.1:4000', 'http://127.0.0.1:4000/x'])
    t.equal(authUrl(typed, local), local.baseUrl, typed)
  t.throws(() => authUrl('http://127.0.0.1:4001', local), { code: 'unknown_host' })
})
