/** An extension as HubSpot draws it: built, rendered with HubSpot's own renderer, and answered by the real server. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { PUBLIC_URL, type TestApp, until } from '../../support/app.ts'
import { byHubspot, type HubspotRequest } from '../../support/settings-page.ts'
import { loadEsbuild } from '../tools.ts'
import { type Extension, extensions, source } from './project.ts'

/** What is used of the renderer. Nodes are snapshots: they are found anew after every change. */
export interface Node extends Tree {
  props: Record<string, unknown>
  trigger(event: string, value?: unknown): void
}
export interface Tree {
  /** Of the component. */
  name?: string
  props?: Record<string, unknown>
  text: string | null
  childNodes?: Tree[]
}
interface Renderer {
  render(element: unknown): unknown
  findAll(component: unknown): Node[]
  getRootNode(): Tree
  mocks: { context: Record<string, unknown>; actions: Record<string, { calls: unknown[][] }> }
}
interface Built {
  createRenderer(location: string): Renderer
  createElement(component: unknown, props: object): unknown
  View: unknown
  components: Record<string, unknown>
}

const locations: Record<Extension, string> = { settings: 'settings', pages: 'pages', cards: 'crm.record.tab' }
const titles = ['title', 'label', 'number', 'description', 'validationMessage', 'screenReaderText'] as const

/** What somebody reads, from top to bottom. */
const wordsOf = ({ props = {}, text, childNodes }: Tree): string[] => [
  ...titles.flatMap((title) => (['string', 'number'].includes(typeof props[title]) ? String(props[title]) : [])),
  ...(childNodes === undefined ? [text ?? ''] : childNodes.flatMap(wordsOf)),
]

/** What a button is called, also one that shows a sign only. */
const nameOf = (button: Tree): string => button.text || wordsOf(button).join('').trim()

/** Whether something fits, or holds what does. */
const holds = (node: Tree, fits: (props: Record<string, unknown>) => boolean): boolean =>
  (node.props !== undefined && fits(node.props)) || (node.childNodes ?? []).some((child) => holds(child, fits))
const isReady = ({ type, disabled }: Record<string, unknown>) => type === 'submit' && disabled !== true

/** Builds an extension with the renderer, both with one React. */
async function build(t: Test, extension: Extension): Promise<Built> {
  const entry = extensions[extension]
  const outfile = join(t.testdir(), `${extension}.mjs`)
  await loadEsbuild().build({
    stdin: {
      contents: `export { createRenderer } from '@hubspot/ui-extensions/testing'
        export { createElement } from 'react'
        export * as components from '@hubspot/ui-extensions'
        export { ${entry.replace('.tsx', '')} as View } from './${entry}'`,
      resolveDir: join(source, 'app', extension),
      loader: 'js',
    },
    bundle: true,
    jsx: 'automatic',
    format: 'esm',
    platform: 'node',
    outfile,
    logLevel: 'silent',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  return import(outfile)
}

export interface Shown {
  /** Presses the button that says this; waits until it is there and may be pressed. */
  press(label: string | RegExp): Promise<void>
  /** Gives a value to the input, select or toggle with this name. */
  enter(name: string, value: unknown): Promise<void>
  /** Sends a form as its button does: of several, the one that holds an input with this name. */
  submit(name?: string): Promise<void>
  /** Goes to a tab. */
  open(view: string): Promise<void>
  /** Resolves when all of this is shown. */
  says(...texts: (string | RegExp)[]): Promise<void>
  /** Resolves when all that was asked for is shown. */
  still(): Promise<void>
  text(): string
  /** All that is shown. */
  tree(): Tree
  all(component: string): Node[]
  /** Presses, and values given, so far. */
  actions: string[]
  /** What HubSpot was asked to say. */
  alerts(): unknown[]
}

export interface Surroundings extends Pick<HubspotRequest, 'userId' | 'portalId'> {
  /** The record that the card is on. */
  objectId?: number
  /** Answers instead of the server, where it returns something. */
  instead?: (method: string, path: string) => Response | undefined
}

/** Draws an extension for somebody of the account. */
export async function show(
  t: Test,
  it: Pick<TestApp, 'url' | 'hubspot'>,
  extension: Extension,
  { objectId, instead, ...who }: Surroundings = {},
): Promise<Shown> {
  const built = await build(t, extension)
  const signed = byHubspot(it, who)
  let underWay = 0
  const ask: typeof signed = (...request) => {
    underWay++
    return signed(...request).finally(() => underWay--)
  }
  // A server that is stopped waits long for what it was asked.
  t.teardown(() => until(() => underWay === 0))
  Object.assign(globalThis, {
    self: {
      // As HubSpot passes requests on: no headers, JSON from a plain object, and no answer but 200.
      async hsFetch(url: string, { method = 'GET', body, headers }: { method?: string; body?: object; headers?: object }) {
        if (!url.startsWith(`${PUBLIC_URL}/api/`) || headers !== undefined)
          throw new Error(`HubSpot does not pass this on: ${method} ${url}`)
        const path = url.slice(`${PUBLIC_URL}/api`.length)
        const faked = instead?.(method, path)
        if (faked !== undefined) return faked
        const { status, body: answer } = await ask(method, path, body)
        return status === 200 ? Response.json(answer) : Response.json({ status: 'error', message: 'Bad gateway' }, { status: 502 })
      },
    },
  })
  const renderer = built.createRenderer(locations[extension])
  const context = {
    ...renderer.mocks.context,
    variables: { PUBLIC_URL },
    ...(objectId !== undefined && { crm: { objectId, objectTypeId: '0-1' } }),
  }
  renderer.render(built.createElement(built.View, { context }))

  const all = (component: string) => renderer.findAll(built.components[component])
  /** Also those of the questions that buttons ask. */
  const buttons = () =>
    all('Button').flatMap((one) => [one, ...((one.props.overlay as Renderer | undefined)?.findAll(built.components.Button) ?? [])])
  const text = () => wordsOf(renderer.getRootNode()).join('\n')
  const fits = (said: string, wanted: string | RegExp) => (typeof wanted === 'string' ? said === wanted : wanted.test(said))
  const found = async (what: string | RegExp, find: () => Node | undefined): Promise<Node> => {
    await until(() => find() !== undefined).catch(() => {
      throw new Error(`There is no ${what} in:\n${text()}`)
    })
    return find() as Node
  }
  const actions: string[] = []
  return {
    all,
    text,
    tree: () => renderer.getRootNode(),
    actions,
    async press(label) {
      const button = await found(label, () => buttons().find((one) => fits(nameOf(one), label) && one.props.disabled !== true))
      actions.push(`press ${nameOf(button)}`)
      button.trigger('onClick')
    },
    async enter(name, value) {
      const inputs = ['Input', 'Select', 'MultiSelect', 'Toggle', 'ToggleGroup']
      const input = await found(name, () =>
        inputs.flatMap(all).find(({ props }) => props.name === name && !props.readOnly && !props.readonly),
      )
      actions.push(`enter ${name}`)
      input.trigger(input.props.onInput === undefined ? 'onChange' : 'onInput', value)
    },
    async submit(name) {
      const form = await found(`form of ${name ?? 'all'} to submit`, () =>
        all('Form').find((form) => (name === undefined || holds(form, (props) => props.name === name)) && holds(form, isReady)),
      )
      actions.push('submit')
      form.trigger('onSubmit')
    },
    async open(view) {
      const tabs = await found(view, () => all('Tabs')[0])
      tabs.trigger('onSelectedChange', view)
    },
    async says(...texts) {
      const missing = () => texts.filter((wanted) => !(typeof wanted === 'string' ? text().includes(wanted) : wanted.test(text())))
      await until(() => missing().length === 0).catch(() => {})
      t.strictSame(missing(), [], text())
    },
    still: () => until(() => underWay === 0 && all('LoadingSpinner').length === 0),
    alerts: () => (renderer.mocks.actions.addAlert?.calls ?? []).map(([alert]) => alert),
  }
}
