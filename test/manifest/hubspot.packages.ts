/** The HubSpot project: it passes the vendor's own tools, and holds what those do not look at. */
import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import type { ConsentRequest } from '../../connectors/connector.ts'
import { install, scope, scopes } from '../../connectors/hubspot/install.ts'
import { objects } from '../../connectors/hubspot/objects.ts'
import { hubspotSettings } from '../../connectors/hubspot/settings.ts'
import { api } from '../../connectors/hubspot/version.ts'
import { parse } from '../../connectors/hubspot/webhook.ts'
import { stageSubscriptions } from '../simulators/hubspot/webhook-events.ts'
import { type Component, extensions, folder, readComponents, source } from './hubspot/project.ts'
import { hubspotRequests, neededScopes } from './kit/hubspot-reads.ts'
import { listRoutes, PUBLIC_URL } from './kit/routes.ts'
import { loadEsbuild, loadHubspotBuild, loadHubspotLinter, loadHubspotParser, typescript } from './tools.ts'

const run = promisify(execFile)
const components = await readComponents()
// The tests say what they expect of it.
const configOf = (type: string) => components.find((one) => one.type === type)?.config as never
const app: {
  name: string
  auth: Record<'requiredScopes' | 'optionalScopes' | 'redirectUrls', string[]>
  permittedUrls: { fetch: string[] }
} = configOf('APPLICATION')
const webhooks: { settings: { targetUrl: string }; subscriptions: Required<typeof stageSubscriptions> } = configOf('WEBHOOKS')
const sorted = (words: readonly string[]) => [...words].sort()

t.test('the project is what HubSpot’s parser reads, on a platform version that it knows', async (t) => {
  const { parseProjectConfig, isKnownPlatformVersion, getProjectMetadata, validateUid } = await loadHubspotParser()
  const { platformVersion, srcDir } = parseProjectConfig(folder)
  t.ok(isKnownPlatformVersion(platformVersion))
  t.equal(platformVersion, api.version.replace('-', '.'), 'the version of the REST API that the connector speaks')
  t.equal(join(folder, srcDir), source)
  t.strictSame(sorted(components.map(({ type }) => type)), ['APPLICATION', 'CARD', 'PAGE', 'SETTINGS', 'WEBHOOKS'])
  for (const { uid } of components) t.equal(validateUid(uid), undefined, uid)
  for (const { count, maxCount } of Object.values((await getProjectMetadata(source)).components)) t.ok(count <= maxCount)
})

async function checkConfig(): Promise<(component: Pick<Component, 'type' | 'config'>) => string[]> {
  const { createAjvInstance } = await loadHubspotParser()
  const ajv = createAjvInstance()
  ajv.addSchema(JSON.parse(await readFile(join(folder, 'config.schema.json'), 'utf8')), 'config')
  return ({ type, config }) => {
    const validate = ajv.getSchema(`config#/$defs/${type}`)
    if (validate === undefined) return [`There is no schema for ${type}.`]
    return validate(config) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  }
}

t.test('the config of each component holds what HubSpot documents, which its parser does not check offline', async (t) => {
  const check = await checkConfig()
  for (const component of components) t.strictSame(check(component), [], component.uid)
  const wrong: [string, (config: never) => void][] = [
    ['APPLICATION', (config: { name: string }) => (config.name = 'Leads for HubSpot')],
    ['APPLICATION', (config: { distribution: string }) => (config.distribution = 'private')],
    ['APPLICATION', (config: { permittedUrls: { iframe?: [] } }) => delete config.permittedUrls.iframe],
    ['APPLICATION', (config: typeof app) => config.permittedUrls.fetch.push('http://leads.example.com')],
    ['APPLICATION', (config: typeof app) => (config.auth.requiredScopes = config.auth.requiredScopes.slice(1))],
    ['WEBHOOKS', (config: { settings: { maxConcurrentRequests: number } }) => (config.settings.maxConcurrentRequests = 5)],
    ['WEBHOOKS', (config: typeof webhooks) => delete config.subscriptions.crmObjects[0]?.propertyName],
    ['WEBHOOKS', (config: typeof webhooks) => config.subscriptions.crmObjects.push(...config.subscriptions.crmObjects)],
    ['WEBHOOKS', (config: { subscriptions: { crmObjects: object[] } }) => config.subscriptions.crmObjects.push({ objectName: 'contact' })],
    ['CARD', (config: { location: string }) => (config.location = 'crm.record.middle')],
    ['SETTINGS', (config: { entrypoint: string }) => (config.entrypoint = 'SettingsPage.tsx')],
    ['PAGE', (config: { location?: string }) => (config.location = 'home')],
  ] as never
  for (const [type, spoil] of wrong) {
    const config = structuredClone(configOf(type)) as Record<string, unknown>
    spoil(config as never)
    t.not(check({ type, config }).length, 0, `${type}: ${spoil}`)
  }
})

t.test('the scopes of the app are those that people are asked for, and each is in use', async (t) => {
  t.strictSame(app.auth.requiredScopes, scopes.required)
  t.strictSame(app.auth.optionalScopes, scopes.optional)
  const credentials = { appId: '1', clientId: 'id', clientSecrets: ['s'], baseUrl: api.baseUrl }
  const asked: ConsentRequest = { redirectUri: `${PUBLIC_URL}/oauth/hubspot/callback`, state: 's', challenge: 'c' }
  const { searchParams } = new URL(install.consentUrl(credentials, asked))
  t.equal(searchParams.get('scope'), app.auth.requiredScopes.join(' '))
  t.equal(searchParams.get('optional_scope'), app.auth.optionalScopes.join(' '))
  t.equal(searchParams.get('redirect_uri'), app.auth.redirectUrls[0])
  const used = neededScopes(await hubspotRequests())
  t.strictSame(used, sorted(Object.values(scope)), 'what the connector does needs them all, and no other')
  t.strictSame(used, sorted([...scopes.required, ...scopes.optional].filter((one) => one !== 'oauth')))
})

t.test('the app subscribes to what the connector understands, and to nothing else', async (t) => {
  const { crmObjects, legacyCrmObjects, hubEvents } = webhooks.subscriptions
  t.strictSame(webhooks.subscriptions, stageSubscriptions, 'what the stand-in sends by, wherever the connector is tested')
  t.strictSame(legacyCrmObjects, [], 'in one format only, or each change would come twice')
  const properties = crmObjects.flatMap(({ objectType, propertyName }) =>
    propertyName === undefined ? [] : [`${objectType} ${propertyName}`],
  )
  const stages = objects.flatMap(({ type, stages }) => stages.map((stage) => `${type} ${stage}`))
  t.strictSame(sorted(properties), sorted([...stages, `contact ${hubspotSettings.parse({}).leadIdField}`]))

  const app = { appId: '1', clientId: 'id', clientSecrets: ['s'], baseUrl: api.baseUrl }
  for (const { subscriptionType, ...rest } of [...crmObjects, ...hubEvents]) {
    const { objectType, propertyName } = rest as Partial<(typeof crmObjects)[number]>
    const objectTypeId = objects.find(({ type }) => type === objectType)?.typeId
    const ids = { objectId: 5, primaryObjectId: 5, mergedObjectIds: [6] }
    const event = {
      portalId: 2,
      appId: 1,
      occurredAt: Date.now(),
      subscriptionType,
      objectTypeId,
      propertyName,
      propertyValue: 'a',
      ...ids,
    }
    const request = {
      method: 'POST',
      publicUrl: PUBLIC_URL,
      target: '/webhooks/hubspot',
      headers: {},
      receivedAt: Date.now(),
      body: Buffer.from(JSON.stringify([event])),
    }
    t.equal(parse(request, app).changes.length, 1, `${subscriptionType} ${objectType ?? ''} ${propertyName ?? ''}`)
  }
})

t.test('every address of the app is one at which the server answers', async (t) => {
  const paths = (await listRoutes()).map(({ path }) => path)
  t.equal(webhooks.settings.targetUrl, `${PUBLIC_URL}/webhooks/hubspot`)
  t.ok(paths.includes('/webhooks/hubspot'))
  t.strictSame(app.auth.redirectUrls, [`${PUBLIC_URL}/oauth/hubspot/callback`])
  t.ok(paths.some((path) => new RegExp(`^${path.replace(/:\w+/g, '[\\w-]+')}$`).test('/oauth/hubspot/callback')))
  t.strictSame(app.permittedUrls.fetch, [PUBLIC_URL])
})

const filesOf = (extension: string) => globSync(join(source, 'app', extension, '**/*.{ts,tsx}'))

for (const [extension, entryPoint] of Object.entries(extensions)) {
  const root = join(source, 'app', extension)
  t.test(`the extension ${extension} has no errors of type`, async (t) => {
    const { stdout } = await run(process.execPath, [typescript(), '-p', root]).catch((error: { stdout: string }) => error)
    t.equal(stdout, '')
  })

  t.test(`the extension ${extension} keeps HubSpot's rules`, async (t) => {
    const linter = await loadHubspotLinter(folder)
    const lint = async (path: string, text: string) => {
      // The rules are for JavaScript; without its types the code is that.
      const { code } = await loadEsbuild().transform(text, { loader: 'tsx', jsx: 'preserve', target: 'es2020' })
      const [result] = await linter.lintText(code, { filePath: path.replace(/\.ts(x?)$/, '.js$1') })
      return result?.messages.map(({ ruleId, message }) => `${ruleId}: ${message}`) ?? []
    }
    for (const path of filesOf(extension)) t.strictSame(await lint(path, await readFile(path, 'utf8')), [], path.slice(root.length))
    const entry = join(root, entryPoint)
    t.match(await lint(entry, "import { a } from '../other/a.ts'\nexport const b = a"), [/no-parent-imports/])
    t.match(await lint(entry, 'export const b = <div />'), [/no-html-elements/])
    t.match(await lint(entry, "export const b = fetch('https://example.com')"), [/no-native-http/])
  })

  t.test(`the extension ${extension} is built for production`, async (t) => {
    const outputDir = t.testdir()
    const { remoteBuild } = await loadHubspotBuild()
    const { config } = components.find((one) => one.config.entrypoint === `/app/${extension}/${entryPoint}`) ?? {}
    t.ok(config, 'it is what the component begins with')
    await remoteBuild({ root, entryPoint: join(root, entryPoint), outputDir, logLevel: 'silent', appConfig: {} })
    const { size } = await stat(join(outputDir, entryPoint.replace('.tsx', '.js')))
    t.ok(size > 1_000 && size < 300_000, `${size} bytes`)
  })
}
