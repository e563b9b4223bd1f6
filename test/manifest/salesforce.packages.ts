/** The Salesforce package: it converts with the vendor's own tool, and holds what that tool does not look at. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { install } from '../../connectors/salesforce/install.ts'
import { objects } from '../../connectors/salesforce/objects.ts'
import * as brought from '../../connectors/salesforce/package.ts'
import { page } from '../../connectors/salesforce/page.ts'
import { salesforceSettings } from '../../connectors/salesforce/settings.ts'
import { api } from '../../connectors/salesforce/version.ts'
import { listRoutes, PUBLIC_URL } from './kit/routes.ts'
import { checkProject } from './salesforce/check-project.ts'
import { type Element, folder, type Project, readProject, readXml } from './salesforce/project.ts'
import { loadSchemas, loadSourceTools } from './tools.ts'

const project = readProject()
const source = 'force-app/main/default'
const paths = {
  eca: `${source}/externalClientApps/Meta_Connector.eca-meta.xml`,
  oauth: `${source}/extlClntAppOauthSettings/Meta_Connector_oauth.ecaOauth-meta.xml`,
  canvas: `${source}/extlClntAppCanvasSettings/Meta_Connector_canvasSettings.ecaCanvas-meta.xml`,
  field: `${source}/objects/Lead/fields/Meta_Lead_ID__c.field-meta.xml`,
  channel: `${source}/platformEventChannels/Meta_Connector__chn.platformEventChannel-meta.xml`,
  member: `${source}/platformEventChannelMembers/Meta_Connector_chn_LeadChangeEvent.platformEventChannelMember-meta.xml`,
  admin: `${source}/permissionsets/Meta_Connector_Admin.permissionset-meta.xml`,
  integration: `${source}/permissionsets/Meta_Connector_Integration.permissionset-meta.xml`,
  viewAll: 'for-admins/permissions/permissionsets/Meta_Connector_View_All.permissionset-meta.xml',
  bundle: `${source}/aura/metaConnectorSettings/metaConnectorSettings.cmp-meta.xml`,
  markup: `${source}/aura/metaConnectorSettings/metaConnectorSettings.cmp`,
  tab: `${source}/tabs/Meta_Connector_Settings.tab-meta.xml`,
  app: `${source}/applications/Meta_Connector.app-meta.xml`,
  global: 'dev-hub/extlClntAppGlobalOauthSets/Meta_Connector_glbloauth.ecaGlblOauth-meta.xml',
  policy: 'dev-hub/extlClntAppOauthPolicies/Meta_Connector_oauthPlcy.ecaOauthPlcy-meta.xml',
  project: 'sfdx-project.json',
}

/** Converts a folder of a project to what is uploaded, as the making of a package version does. Resolves to where it lies. */
async function convert(t: Test, from: string, what: string): Promise<string> {
  const { ComponentSet, MetadataConverter } = loadSourceTools()
  const set = ComponentSet.fromSource(join(from, what))
  set.sourceApiVersion = api.version
  set.projectDirectory = from
  const outputDirectory = join(t.testdirName, 'converted', what)
  await new MetadataConverter().convert(set, 'metadata', { type: 'directory', outputDirectory, genUniqueDir: false })
  return outputDirectory
}

async function write(t: Test, files: Project): Promise<string> {
  const root = t.testdir()
  for (const [path, text] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  return root
}

const elementOf = (path: string) => readXml(project.get(path) ?? '').root
const textOf = (root: Element, name: string) => root.children.get(name)?.[0]?.text
const read = (path: string, name: string) => textOf(elementOf(path), name)

t.test('the package, what the Dev Hub gets and what admins may deploy convert offline', async (t) => {
  const told = { SF_APPLY_REPLACEMENTS_ON_CONVERT: 'true', PUBLIC_URL: 'https://leads.acme.test', SUPPORT_EMAIL: 'help@acme.test' }
  Object.assign(process.env, told)
  const here = process.cwd()
  process.chdir(folder)
  t.teardown(() => {
    process.chdir(here)
    for (const name of Object.keys(told)) delete process.env[name]
  })
  t.testdir()
  const packaged = await convert(t, folder, 'force-app')
  const list = await readFile(join(packaged, 'package.xml'), 'utf8')
  const { root: manifest } = readXml(list)
  t.equal(textOf(manifest, 'version'), api.version)
  t.equal([...list.matchAll(/<members>/g)].length, 13, 'every component is in the package')
  t.match(await readFile(join(packaged, 'extlClntAppCanvasSettings/Meta_Connector_canvasSettings.ecaCanvas'), 'utf8'), told.PUBLIC_URL)
  t.match(await readFile(join(packaged, 'externalClientApps/Meta_Connector.eca'), 'utf8'), told.SUPPORT_EMAIL)
  const devHub = await convert(t, folder, 'dev-hub')
  t.match(await readFile(join(devHub, 'extlClntAppGlobalOauthSets/Meta_Connector_glbloauth.ecaGlblOauth'), 'utf8'), told.PUBLIC_URL)
  const forAdmins = await convert(t, folder, 'for-admins')
  t.match(await readFile(join(forAdmins, 'objects/Lead.object'), 'utf8'), /enableHistory.*trackHistory/s)
})

t.test('the project and the scratch org are what the vendor has schemas for', async (t) => {
  const { ProjectJsonSchema, ScratchOrgDefSchema } = loadSchemas()
  for (const [schema, path] of [
    [ProjectJsonSchema, 'sfdx-project.json'],
    [ScratchOrgDefSchema, 'config/project-scratch-def.json'],
  ] as const) {
    const json = JSON.parse(project.get(path) ?? '')
    t.equal(schema.safeParse(json).error?.message, undefined, path)
    t.notOk(schema.safeParse({ ...json, packageDirectories: 1, edition: 'None' }).success, 'the schema looks at something')
  }
})

t.test('our own rules have nothing to find', async (t) => t.strictSame(checkProject(project), []))

interface Example {
  path: string
  replace?: readonly [string, string]
  /** Moves the file. */
  to?: string
  finds: RegExp
  /** Where even the vendor's converter stumbles. */
  converterStumbles?: true
}
const examples: Record<string, Example> = {
  'XML that is not well-formed': { path: paths.tab, replace: ['</CustomTab>', ''], finds: /not well-formed/ },
  'no XML declaration': { path: paths.tab, replace: ['<?xml version="1.0" encoding="UTF-8"?>\n', ''], finds: /XML declaration/ },
  'another root element': { path: paths.channel, replace: ['PlatformEventChannel', 'Channel'], finds: /root is <Channel>/ },
  'no namespace': { path: paths.app, replace: [' xmlns="http://soap.sforce.com/2006/04/metadata"', ''], finds: /not in the namespace/ },
  'an element that the type does not have': { path: paths.oauth, replace: ['label>', 'title>'], finds: /<title> is not known/ },
  'an element that is missing': {
    path: paths.member,
    replace: ['selectedEntity>', 'filterExpression>'],
    finds: /<selectedEntity> is missing/,
  },
  'an element that stands twice': {
    path: paths.channel,
    replace: ['<label>', '<label>A</label><label>'],
    finds: /<label> stands 2 times/,
  },
  'an empty element': { path: paths.channel, replace: ['Meta Connector</label>', '</label>'], finds: /<label> is empty/ },
  'a word that an element does not take': { path: paths.eca, replace: ['>Packaged<', '>Packageable<'], finds: /one of Local, Packaged/ },
  'a truth value that is none': { path: paths.field, replace: ['<unique>false', '<unique>no'], finds: /true or false/ },
  'a number that is none': { path: paths.field, replace: ['>18<', '>eighteen<'], finds: /has to be a number/ },
  'an element inside that is missing': { path: paths.admin, replace: ['<visible>true</visible>', ''], finds: /<visible> is missing in/ },
  'an element inside that is not known': {
    path: paths.member,
    replace: ['name>', 'field>'],
    finds: /<field> is not known in <enrichedFields>/,
  },
  'the wrong folder': { path: paths.eca, to: `${source}/apps/Meta_Connector.eca-meta.xml`, finds: /lies in "apps"/ },
  'an unknown suffix': { path: paths.eca, to: `${source}/externalClientApps/A.app2-meta.xml`, finds: /no suffix/, converterStumbles: true },
  'a full name that the file does not have': {
    path: paths.field,
    replace: ['<fullName>Meta_Lead_ID__c', '<fullName>Lead_ID__c'],
    finds: /<fullName> is "Lead_ID__c"/,
  },
  'a name with two underscores inside': {
    path: paths.member,
    to: paths.member.replace('_chn_', '__chn_'),
    finds: /is no name for a component/,
  },
  'a member that is not named for its channel and entity': {
    path: paths.member,
    to: paths.member.replace('_chn_', '_'),
    finds: /is to be called "Meta_Connector_chn_LeadChangeEvent"/,
  },
  'a channel without its suffix': { path: paths.channel, to: paths.channel.replace('__chn', ''), finds: /ends in "__chn"/ },
  'a channel for another kind of event': { path: paths.channel, replace: ['>data<', '>event<'], finds: /of type "data"/ },
  'a member of a channel that is not there': {
    path: paths.member,
    replace: ['>Meta_Connector__chn<', '>Other__chn<'],
    finds: /"Other__chn", which/,
  },
  'an enriched field that is not there': {
    path: paths.member,
    replace: ['Meta_Lead_ID__c', 'Lead_ID__c'],
    finds: /"Lead.Lead_ID__c", which/,
  },
  'too many enriched fields': {
    path: paths.member,
    replace: ['<eventChannel>', `${'<enrichedFields><name>Email</name></enrichedFields>'.repeat(10)}<eventChannel>`],
    finds: /enriches 11 fields/,
  },
  'settings of an app that is not there': {
    path: paths.canvas,
    replace: ['>Meta_Connector<', '>Connector<'],
    finds: /"Connector", which is not there/,
  },
  'a scope that opens everything': { path: paths.oauth, replace: ['Api,', 'Full,'], finds: /"Full" is no OAuth scope/ },
  'a canvas address with a fragment': { path: paths.canvas, replace: ['/page/salesforce', '/#page'], finds: /no fragment/ },
  'a canvas app that is opened by GET': { path: paths.canvas, replace: ['Post', 'Get'], finds: /no signed request/ },
  'a canvas app that may not be in an Aura component': {
    path: paths.canvas,
    replace: ['>Aura<', '>Visualforce<'],
    finds: /may not be shown in an Aura/,
  },
  'a canvas app that is not there': { path: paths.markup, replace: ['"Meta_Connector"', '"Connector"'], finds: /canvas app "Connector"/ },
  'an attribute that the canvas app does not have': { path: paths.markup, replace: ['title=', 'label='], finds: /no attribute "label"/ },
  'markup that is not well-formed': { path: paths.markup, replace: ['</aura:component>', ''], finds: /its markup is not well-formed/ },
  'a namespace that only the project has': {
    path: paths.project,
    replace: ['"namespace": ""', '"namespace": "leads"'],
    finds: /namespacePrefix is "", the namespace of the project "leads"/,
  },
  'a component that a tab cannot show': {
    path: paths.markup,
    replace: ['force:appHostable', 'force:hasRecordId'],
    finds: /does not implement force:appHostable/,
  },
  'a component of another API version': { path: paths.bundle, replace: [api.version, '50.0'], finds: /<apiVersion> is 50.0/ },
  'a tab that shows two things': { path: paths.tab, replace: ['<label>', '<url>https://a.test</url><label>'], finds: /shows 2/ },
  'a tab of a component that is not there': {
    path: paths.tab,
    replace: ['metaConnectorSettings', 'settings'],
    finds: /"settings", which is not there/,
  },
  'an app with a tab that is not there': { path: paths.app, replace: ['_Settings', '_Page'], finds: /"Meta_Connector_Page", which/ },
  'a permission for a field that is not there': {
    path: paths.admin,
    replace: ['Lead.Meta_Lead_ID__c', 'Lead.LID__c'],
    finds: /"Lead.LID__c", which/,
  },
  'a field that may be edited and not read': {
    path: paths.integration,
    replace: ['<readable>true', '<readable>false'],
    finds: /cannot be edited without being read/,
  },
  'a packaged permission on a standard object': {
    path: paths.viewAll,
    to: `${source}/permissionsets/Meta_Connector_View_All.permissionset-meta.xml`,
    finds: /"Lead" do not come with a package[\s\S]*"ApiEnabled" does not come/,
  },
  'settings with secrets in the package': {
    path: paths.global,
    to: `${source}/extlClntAppGlobalOauthSets/Meta_Connector_glbloauth.ecaGlblOauth-meta.xml`,
    finds: /cannot be in a managed package/,
  },
  'a consumer secret in the repository': {
    path: paths.global,
    replace: ['<label>', '<consumerSecret>s</consumerSecret><label>'],
    finds: /<consumerSecret> is not known/,
  },
  'no refresh token rotation': {
    path: paths.global,
    replace: ['<isRefreshTokenRotationEnabled>true', '<isRefreshTokenRotationEnabled>false'],
    finds: /<isRefreshTokenRotationEnabled> has to be true/,
  },
  'a callback that is not encrypted': {
    path: paths.global,
    replace: ['https://', 'http://'],
    finds: /<callbackUrl> has to begin with https/,
  },
  'a policy of an app that is not there': {
    path: paths.policy,
    replace: ['>Meta_Connector<', '>Connector<'],
    finds: /"Connector", which is not there/,
  },
  'a component without markup': {
    path: paths.markup,
    to: paths.markup.replace('.cmp', '.design'),
    finds: /has no markup/,
  },
  'a replacement of what does not stand there': {
    path: paths.eca,
    replace: ['support@leadstage.example.com', 'a@b.test'],
    finds: /is to be replaced in/,
  },
  'an example address that nothing replaces': {
    path: paths.tab,
    replace: ['<label>', '<description>https://example.com</description><label>'],
    finds: /an example address stays/,
  },
}

for (const [title, { path, replace, to = path, finds, converterStumbles }] of Object.entries(examples))
  t.test(`${title} is found, which the converter ${converterStumbles ? 'finds too' : 'lets pass'}`, async (t) => {
    const before = project.get(path) ?? ''
    const text = replace ? before.replaceAll(...replace) : before
    t.ok(text !== before || to !== path, 'the example differs from what is right')
    const broken = new Map([...project].filter(([one]) => one !== path))
    broken.set(to, text)
    const findings = checkProject(broken)
    t.match(findings.join('\n'), finds)
    const root = await write(t, broken)
    const converted = convert(t, root, to.split('/')[0]?.endsWith('.json') ? 'force-app' : (to.split('/')[0] as string))
    if (converterStumbles) await t.rejects(converted)
    else await t.resolves(converted)
  })

t.test('the names in the package are those that the connector uses', async (t) => {
  const settings = salesforceSettings.parse({})
  t.equal(settings.channel, brought.channel)
  t.strictSame([settings.leadIdField, settings.opportunityLeadIdField], [brought.leadIdField, brought.leadIdField])
  const { namespace, sourceApiVersion } = JSON.parse(project.get('sfdx-project.json') ?? '')
  t.equal(namespace, brought.namespace)
  t.equal(sourceApiVersion, api.version)
  const plain = (name: string) => (namespace === '' ? name : name.replace(`${namespace}__`, ''))
  t.ok(project.has(`${source}/platformEventChannels/${plain(brought.channel.slice('/data/'.length))}.platformEventChannel-meta.xml`))
  for (const { entity } of objects) {
    const field = `${source}/objects/${entity}/fields/${plain(brought.leadIdField)}.field-meta.xml`
    t.strictSame(
      ['type', 'length', 'externalId', 'unique', 'required'].map((name) => read(field, name)),
      ['Text', '18', 'true', 'false', 'false'],
    )
    const member = `${source}/platformEventChannelMembers/Meta_Connector_chn_${entity}ChangeEvent.platformEventChannelMember-meta.xml`
    t.strictSame(
      elementOf(member)
        .children.get('enrichedFields')
        ?.map((field) => textOf(field, 'name')),
      [plain(brought.leadIdField)],
    )
    const fields = (set: string, flag: string) =>
      elementOf(set)
        .children.get('fieldPermissions')
        ?.some((one) => textOf(one, 'field') === `${entity}.${plain(brought.leadIdField)}` && textOf(one, flag) === 'true')
    t.ok(fields(paths.integration, 'editable'), 'whom we are connected as may write the id back')
    t.ok(fields(paths.admin, 'readable'))
  }
  t.strictSame(
    [paths.admin, paths.integration, paths.eca].map((path) => read(path, 'label')),
    [brought.labels.admin, brought.labels.integration, brought.labels.package],
  )
  t.equal(JSON.parse(project.get('sfdx-project.json') ?? '').packageDirectories[0].package, brought.labels.package)
  t.ok(project.has(`${source}/externalClientApps/${brought.app}.eca-meta.xml`))
})

t.test('the app may be asked for what the consent asks for, and for nothing else', async (t) => {
  // Words of the metadata, and those of the authorization request (Metadata API, ExtlClntAppOauthSettings).
  const wire: Record<string, string> = { Api: 'api', RefreshToken: 'refresh_token', Basic: 'id' }
  const packaged = read(paths.oauth, 'commaSeparatedOauthScopes')?.split(', ') ?? []
  const app = { appId: 'a', clientId: 'c', clientSecrets: ['s'], baseUrl: api.baseUrl }
  const request = { redirectUri: 'https://a.test/oauth/salesforce/callback', state: 's', challenge: 'c' }
  const asked = new URL(install.consentUrl(app, request))
  const wanted = [...install.scopes.required, ...install.scopes.optional].sort()
  t.strictSame(packaged.map((scope) => wire[scope]).sort(), wanted)
  t.strictSame(asked.searchParams.get('scope')?.split(' ').sort(), wanted)
  t.equal(asked.searchParams.get('code_challenge_method'), 'S256', 'as the app requires')
  const signIn = new URL(page.signIn.consentUrl(app, request))
  for (const scope of signIn.searchParams.get('scope')?.split(' ') ?? ['none']) t.ok(wanted.includes(scope), `signing in asks for ${scope}`)
})

t.test('the addresses that Salesforce is given are addresses of the server', async (t) => {
  const routes = await listRoutes()
  const serves = (address: string | undefined, method: string) => {
    const path = address?.startsWith(`${PUBLIC_URL}/`) ? address.slice(PUBLIC_URL.length) : ''
    return routes.some((route) => route.methods.includes(method) && new RegExp(`^${route.path.replace(/:\w+/g, '\\w+')}$`).test(path))
  }
  t.ok(serves(read(paths.canvas, 'canvasUrl'), 'POST'))
  t.ok(serves(read(paths.global, 'callbackUrl'), 'GET'))
  t.notOk(serves(`${PUBLIC_URL}/canvas`, 'POST'))
})

t.test('whom we are connected as sees all leads and opportunities, and changes none through what we bring', async (t) => {
  const granted = elementOf(paths.viewAll).children.get('objectPermissions') ?? []
  for (const { entity } of objects) {
    const own = granted.find((one) => textOf(one, 'object') === entity)
    t.equal(own && textOf(own, 'viewAllRecords'), 'true', entity)
  }
  for (const one of granted)
    for (const flag of ['allowCreate', 'allowEdit', 'allowDelete', 'modifyAllRecords']) t.equal(textOf(one, flag), 'false', flag)
})
