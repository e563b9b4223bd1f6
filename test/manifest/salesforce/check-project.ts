/**
 * What is wrong with the Salesforce project, as far as that can be told without an org. The vendor's converter looks at names of
 * files only: these are the rules that it lets pass, and that an org, or worse an admin, would find out about later.
 */
import { dirname } from 'node:path'
import { type Content, type MetadataType, metadataTypes, oauthScopes } from './metadata-types.ts'
import { type Element, type Project, readXml } from './project.ts'

const NAMESPACE = 'http://soap.sforce.com/2006/04/metadata'
/** Names of components: letters, digits and single underscores (Metadata API); some types end in a suffix. */
const NAME = /^[A-Za-z](?:_?[A-Za-z0-9])*(?:__(?:c|chn))?$/
/** Most fields of an event that may be enriched (Change Data Capture guide, enrichment considerations). */
const MOST_ENRICHED = 10
/** Attributes of `force:canvasApp` that we use (Canvas developer guide, canvas apps in Aura components). */
const canvasAttributes = ['developerName', 'namespacePrefix', 'height', 'width', 'scrolling', 'title']

interface Component {
  path: string
  folder: string
  /** Name by which others refer to it; fields have that of their object before it. */
  name: string
  suffix: string
  type: MetadataType
  root: Element
}

/** One line for each finding, with the path of the file; none where all is well. Pure. */
export function checkProject(project: Project): string[] {
  const findings: string[] = []
  const components: Component[] = []
  for (const [path, text] of project) {
    if (!path.endsWith('-meta.xml')) continue
    const { component, problems } = readComponent(path, text)
    findings.push(...problems.map((problem) => `${path}: ${problem}`))
    if (component !== undefined) components.push(component)
  }
  const settings = JSON.parse(project.get('sfdx-project.json') ?? '{}') as Settings
  for (const component of components) {
    const problems = [...checkPlace(component), ...checkReferences(component, components, project, settings)]
    findings.push(...problems.map((problem) => `${component.path}: ${problem}`))
  }
  return [...findings, ...checkReplacements(project, settings)]
}

interface Settings {
  namespace?: string
  sourceApiVersion?: string
  replacements?: { filename: string; stringToReplace: string; replaceWithEnv: string }[]
}

// ------------------------------------------------------------------------------------------------------ one file by itself

function readComponent(path: string, text: string): { component?: Component; problems: string[] } {
  const [, name = '', suffix = ''] = /([^/]+)\.(\w+)-meta\.xml$/.exec(path) ?? []
  const type = metadataTypes[suffix]
  if (type === undefined) return { problems: [`".${suffix}" is no suffix of a type that is known here`] }
  const problems: string[] = []
  if (!text.startsWith('<?xml version="1.0" encoding="UTF-8"?>')) problems.push('does not begin with the XML declaration in UTF-8')
  try {
    const { name: element, root } = readXml(text)
    if (element !== type.root) problems.push(`the root is <${element}> and has to be <${type.root}>`)
    if (root.attributes.xmlns !== NAMESPACE) problems.push(`the root is not in the namespace ${NAMESPACE}`)
    problems.push(...checkElements(root, type))
    const object = suffix === 'field' ? `${path.split('/').at(-3)}.` : ''
    return { component: { path, folder: dirname(path), name: `${object}${name}`, suffix, type, root }, problems }
  } catch (error) {
    return { problems: [...problems, `is not well-formed: ${(error as Error).message}`] }
  }
}

function checkElements(root: Element, { root: own, elements, required, several = [] }: MetadataType): string[] {
  const problems = required.filter((name) => !root.children.has(name)).map((name) => `<${name}> is missing`)
  for (const [name, found] of root.children) {
    const content = elements[name]
    if (content === undefined) problems.push(`<${name}> is not known in <${own}>`)
    else problems.push(...found.flatMap((element) => checkContent(name, element, content)))
    if (found.length > 1 && !several.includes(name)) problems.push(`<${name}> stands ${found.length} times`)
  }
  return problems
}

function checkContent(name: string, { text, children }: Element, content: Content): string[] {
  const wrong = (what: string) => [`<${name}> is "${text}" and has to be ${what}`]
  if (content === 'text') return text.trim() === '' ? [`<${name}> is empty`] : []
  if (content === 'flag') return /^(true|false)$/.test(text) ? [] : wrong('true or false')
  if (content === 'number') return /^\d+(\.\d+)?$/.test(text) ? [] : wrong('a number')
  if (isWords(content)) return content.includes(text) ? [] : wrong(`one of ${content.join(', ')}`)
  return [
    ...Object.entries(content).flatMap(([inner, kind]) => {
      const [element] = children.get(inner) ?? []
      return element === undefined ? [`<${inner}> is missing in <${name}>`] : checkContent(inner, element, kind)
    }),
    ...[...children.keys()].filter((inner) => !(inner in content)).map((inner) => `<${inner}> is not known in <${name}>`),
  ]
}

const isWords = (content: Content): content is readonly string[] => Array.isArray(content)

// ----------------------------------------------------------------------------------------------------- its name and place

function checkPlace({ path, folder, name, suffix, type, root }: Component): string[] {
  const problems: string[] = []
  const own = suffix === 'field' ? name.slice(name.indexOf('.') + 1) : name
  const place = suffix === 'cmp' || suffix === 'object' ? folder.split('/').at(-2) : folder.split('/').at(-1)
  if (place !== type.folder) problems.push(`lies in "${place}" and has to lie in "${type.folder}"`)
  if (!NAME.test(own)) problems.push(`"${own}" is no name for a component`)
  const fullName = textOf(root, 'fullName')
  if (fullName !== undefined && fullName !== own) problems.push(`<fullName> is "${fullName}" and the file says "${own}"`)
  if (path.startsWith('force-app/') && !type.packageable) problems.push(`<${type.root}> cannot be in a managed package`)
  return problems
}

// -------------------------------------------------------------------------------------------------------- what it refers to

function checkReferences(component: Component, all: readonly Component[], project: Project, settings: Settings): string[] {
  const { root, suffix, name, path, folder } = component
  const find = (kind: string, wanted: string | undefined) => all.find((one) => one.suffix === kind && one.name === wanted)
  const lacks = (kind: string, wanted: string | undefined) =>
    unless(find(kind, wanted) !== undefined, `refers to ${metadataTypes[kind]?.root} "${wanted}", which is not there`)

  switch (suffix) {
    case 'ecaOauth':
      return [...lacks('eca', textOf(root, 'externalClientApplication')), ...checkScopes(textOf(root, 'commaSeparatedOauthScopes') ?? '')]
    case 'ecaCanvas':
      return [...lacks('eca', textOf(root, 'externalClientApplication')), ...checkCanvas(root)]
    case 'ecaGlblOauth':
      return [...lacks('eca', textOf(root, 'externalClientApplication')), ...checkGlobalSettings(root)]
    case 'ecaOauthPlcy':
    case 'ecaPlcy':
      return lacks('eca', textOf(root, 'externalClientApplication'))
    case 'platformEventChannel':
      return [
        ...unless(name.endsWith('__chn'), 'the name of a custom channel ends in "__chn"'),
        ...unless(textOf(root, 'channelType') === 'data', 'change events travel on a channel of type "data"'),
      ]
    case 'platformEventChannelMember': {
      const [channel = '', entity = ''] = [textOf(root, 'eventChannel'), textOf(root, 'selectedEntity')]
      const enriched = (root.children.get('enrichedFields') ?? []).map((field) => textOf(field, 'name') ?? '')
      const wanted = `${channel.replace('__chn', '_chn')}_${entity}`
      return [
        ...lacks('platformEventChannel', channel),
        ...unless(name === wanted, `is to be called "${wanted}"`),
        ...unless(enriched.length <= MOST_ENRICHED, `enriches ${enriched.length} fields; ${MOST_ENRICHED} are allowed`),
        ...enriched
          .filter((field) => field.endsWith('__c'))
          .flatMap((field) => lacks('field', `${entity.replace(/ChangeEvent$/, '')}.${field}`)),
      ]
    }
    case 'permissionset':
      return [
        ...each(root, 'applicationVisibilities', 'application').flatMap((app) => lacks('app', app)),
        ...each(root, 'tabSettings', 'tab').flatMap((tab) => lacks('tab', tab)),
        ...each(root, 'fieldPermissions', 'field').flatMap((field) => lacks('field', field)),
        ...(root.children.get('fieldPermissions') ?? [])
          .filter((field) => textOf(field, 'editable') === 'true' && textOf(field, 'readable') !== 'true')
          .map((field) => `"${textOf(field, 'field')}" cannot be edited without being read`),
        ...(path.startsWith('force-app/') ? checkPackagedPermissions(root) : []),
      ]
    case 'tab': {
      const kinds = ['auraComponent', 'flexiPage', 'lwcComponent', 'page', 'url', 'customObject'].filter((kind) => root.children.has(kind))
      const bundle = textOf(root, 'auraComponent')
      const markup = bundle === undefined ? undefined : project.get(`${find('cmp', bundle)?.folder}/${bundle}.cmp`)
      return [
        ...unless(kinds.length === 1, `has to show one thing, and shows ${kinds.length}`),
        ...(bundle === undefined ? [] : lacks('cmp', bundle)),
        ...unless(
          markup === undefined || /\bimplements="[^"]*force:appHostable\b/.test(markup),
          `"${bundle}" does not implement force:appHostable, and a tab cannot show it`,
        ),
      ]
    }
    case 'app':
      return (root.children.get('tabs') ?? []).flatMap(({ text }) => (text.startsWith('standard-') ? [] : lacks('tab', text)))
    case 'cmp':
      return [
        ...unless(
          textOf(root, 'apiVersion') === settings.sourceApiVersion,
          `<apiVersion> is ${textOf(root, 'apiVersion')}, that of the project is ${settings.sourceApiVersion}`,
        ),
        ...checkMarkup(project.get(`${folder}/${name}.cmp`), all, settings.namespace ?? ''),
      ]
    default:
      return []
  }
}

function checkScopes(list: string): string[] {
  const unknown = list.split(',').filter((scope) => !oauthScopes.includes(scope.trim()))
  return unknown.map((scope) => `"${scope.trim()}" is no OAuth scope that we may ask for`)
}

/** Canvas developer guide, limits: no fragment in the address. A signed request comes by POST only. */
function checkCanvas(root: Element): string[] {
  const url = textOf(root, 'canvasUrl') ?? ''
  return [
    ...unless(/^https:\/\/[^#\s]+$/.test(url), '<canvasUrl> has to begin with https:// and to have no fragment'),
    ...unless(textOf(root, 'accessMethod') === 'Post', 'without the access method Post there is no signed request'),
  ]
}

/** What partners have to keep to (Salesforce, secure connected and external client apps). */
function checkGlobalSettings(root: Element): string[] {
  const wanted = ['isPkceRequired', 'isRefreshTokenRotationEnabled', 'isSecretRequiredForRefreshToken']
  return [
    ...wanted.flatMap((flag) => unless(textOf(root, flag) === 'true', `<${flag}> has to be true`)),
    ...unless(/^https:\/\//.test(textOf(root, 'callbackUrl') ?? ''), '<callbackUrl> has to begin with https://'),
  ]
}

/** An install passes over these without a word (second-generation managed packaging, permission sets in packages). */
function checkPackagedPermissions(root: Element): string[] {
  return [
    ...each(root, 'objectPermissions', 'object')
      .filter((object) => !object?.endsWith('__c'))
      .map((object) => `permissions on the standard object "${object}" do not come with a package`),
    ...each(root, 'userPermissions', 'name').map((name) => `the user permission "${name}" does not come with a package`),
  ]
}

function checkMarkup(markup: string | undefined, all: readonly Component[], namespace: string): string[] {
  if (markup === undefined) return ['has no markup']
  try {
    const { root } = readXml(markup)
    const [canvas] = root.children.get('force:canvasApp') ?? []
    if (canvas === undefined) return []
    const { developerName, namespacePrefix = '' } = canvas.attributes
    const settings = all.find((one) => one.suffix === 'ecaCanvas' && textOf(one.root, 'externalClientApplication') === developerName)
    const unknown = Object.keys(canvas.attributes).filter((name) => !canvasAttributes.includes(name))
    const places = settings?.root.children.get('canvasLocationOptions')?.map(({ text }) => text)
    return [
      ...unless(settings !== undefined, `shows the canvas app "${developerName}", which is not there`),
      ...unless(places?.includes('Aura') !== false, `the canvas app "${developerName}" may not be shown in an Aura component`),
      ...unknown.map((name) => `force:canvasApp has no attribute "${name}"`),
      ...unless(namespacePrefix === namespace, `namespacePrefix is "${namespacePrefix}", the namespace of the project "${namespace}"`),
    ]
  } catch (error) {
    return [`its markup is not well-formed: ${(error as Error).message}`]
  }
}

/** What an operator has to fill in is filled in everywhere by the vendor's own replacements, or an example would be published. */
function checkReplacements(project: Project, { replacements = [] }: Settings): string[] {
  const missed = replacements.filter(({ filename, stringToReplace }) => !project.get(filename)?.includes(stringToReplace))
  const left = [...project].filter(([path, text]) => {
    const replaced = replacements
      .filter(({ filename }) => filename === path)
      .reduce((rest, it) => rest.replaceAll(it.stringToReplace, ''), text)
    return path !== 'sfdx-project.json' && /\bexample\.com\b/.test(replaced)
  })
  return [
    ...missed.map(
      ({ filename, stringToReplace }) =>
        `sfdx-project.json: "${stringToReplace}" is to be replaced in ${filename} and does not stand there`,
    ),
    ...left.map(([path]) => `${path}: an example address stays, since no replacement in sfdx-project.json covers it`),
  ]
}

/** The problem where something does not hold. */
const unless = (holds: boolean, problem: string): string[] => (holds ? [] : [problem])
const textOf = (element: Element, name: string): string | undefined => element.children.get(name)?.[0]?.text
const each = (root: Element, name: string, inner: string) => (root.children.get(name) ?? []).map((element) => textOf(element, inner))
