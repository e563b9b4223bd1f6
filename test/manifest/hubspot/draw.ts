/**
 * A page of what an extension shows, for pictures in guides. HubSpot draws its components with a design of its own, which nobody
 * has outside of HubSpot: here they are drawn plainly, with the same words in the same places.
 */
import type { Tree } from './extension.ts'

type Props = Record<string, unknown>
type Draw = (props: Props, inside: string, node: Tree) => string

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const html = (value: unknown): string => String(value ?? '').replace(/[&<>"]/g, (sign) => escapes[sign] ?? '')
const within =
  (tag: string, name = ''): Draw =>
  (_, inside) =>
    `<${tag} class="${name}">${inside}</${tag}>`

const field =
  (control: (props: Props) => string): Draw =>
  (props) =>
    `<label class="field"><b>${html(props.label)}${props.required ? ' *' : ''}</b>${control(props)}<small>${html(
      props.validationMessage ?? props.description,
    )}</small></label>`

interface Option {
  value: unknown
  label: string
}
const chosen = ({ options, value, placeholder }: Props): string => {
  const values = [value].flat()
  const labels = (options as Option[]).filter((one) => values.includes(one.value)).map(({ label }) => label)
  return html(labels.join(', ') || placeholder)
}
const toggle: Draw = ({ label, labelDisplay, checked }) =>
  `<span class="row"><i class="toggle ${checked ? 'on' : ''}"></i>${labelDisplay === 'hidden' ? '' : html(label)}</span>`

const tabs: Draw = (_, inside, { childNodes = [] }) => {
  const isOpen = ({ childNodes = [] }: Tree) => childNodes.length > 0
  const titles = childNodes.map((tab) => `<span class="${isOpen(tab) ? 'open' : ''}">${html(tab.props?.title)}</span>`)
  return `<nav>${titles.join('')}</nav>${inside}`
}

interface Bars {
  data: Record<string, unknown>[]
  axes: Record<'x' | 'y', { field: string }>
}
const bars: Draw = (props) => {
  const { data, axes } = props as unknown as Bars
  const most = Math.max(...data.map((line) => Number(line[axes.y.field])))
  const lines = data.map((line) => {
    const value = Number(line[axes.y.field])
    return `<span>${html(line[axes.x.field])}</span><span><i style="width:${(value / most) * 90}%"></i>${value}</span>`
  })
  return `<div class="bars">${lines.join('')}</div>`
}

const components: Readonly<Record<string, Draw>> = {
  Flex: ({ direction = 'row', gap = 'flush', align = 'stretch' }, inside) =>
    `<div class="flex ${direction} gap-${gap}" style="align-items:${String(align).replace(/^(start|end)$/, 'flex-$1')}">${inside}</div>`,
  Text: ({ variant, format }, inside) =>
    `<span class="text ${variant ?? ''} ${(format as Props | undefined)?.fontWeight ?? ''}">${inside}</span>`,
  Heading: within('h2'),
  Alert: ({ title, variant = 'info' }, inside) => `<div class="alert ${variant}"><b>${html(title)}</b>${inside}</div>`,
  Button: ({ variant = 'secondary', disabled, size = '' }, inside) =>
    `<span class="button ${variant} ${size} ${disabled ? 'off' : ''}">${inside}</span>`,
  Icon: ({ name }) => (name === 'upCarat' ? '▲' : name === 'downCarat' ? '▼' : ''),
  Link: within('a'),
  StatusTag: ({ variant = 'default' }, inside) => `<span class="tag ${variant}">${inside}</span>`,
  Tile: within('div', 'tile'),
  Accordion: ({ title, defaultOpen }, inside) =>
    `<details ${defaultOpen ? 'open' : ''}><summary>${html(title)}</summary>${inside}</details>`,
  Tabs: tabs,
  Table: within('table'),
  TableHead: within('thead'),
  TableBody: within('tbody'),
  TableRow: within('tr'),
  TableHeader: within('th'),
  TableCell: within('td'),
  List: ({ variant }, inside, { childNodes = [] }) => {
    const tag = variant === 'ordered' ? 'ol' : 'ul'
    return `<${tag}>${childNodes.length === 0 ? inside : childNodes.map((one) => `<li>${draw(one)}</li>`).join('')}</${tag}>`
  },
  Statistics: within('div', 'row statistics'),
  StatisticsItem: ({ label, number }, inside) => `<div><small>${html(label)}</small><strong>${html(number)}</strong>${inside}</div>`,
  DescriptionList: within('dl'),
  DescriptionListItem: ({ label }, inside) => `<div><dt>${html(label)}</dt><dd>${inside}</dd></div>`,
  EmptyState: ({ title }, inside) => `<div class="tile"><b>${html(title)}</b>${inside}</div>`,
  BarChart: bars,
  Input: field(({ value, type }) => `<span class="input">${type === 'password' ? '' : html(value)}</span>`),
  Select: field((props) => `<span class="input select">${chosen(props)}</span>`),
  MultiSelect: field((props) => `<span class="input select">${chosen(props)}</span>`),
  Toggle: toggle,
  ToggleGroup: ({ label, options, value }) =>
    `<fieldset><b>${html(label)}</b>${(options as Option[])
      .map((one) => `<span class="row"><i class="radio ${one.value === value ? 'on' : ''}"></i>${html(one.label)}</span>`)
      .join('')}</fieldset>`,
}

const draw = (node: Tree): string => {
  if (node.childNodes === undefined) return html(node.text)
  const inside = node.childNodes.map(draw).join('')
  return components[node.name ?? '']?.(node.props ?? {}, inside, node) ?? inside
}

const style = `
  body { margin: 0; font: 14px/1.45 system-ui, sans-serif; color: #213343 } main { padding: 20px 24px }
  h2 { font-size: 16px; margin: 6px 0 0 } small, .microcopy { font-size: 12px; color: #516f90 } b, .demibold { font-weight: 600 }
  .flex { display: flex; flex-wrap: wrap } .flex.column { flex-direction: column; flex-wrap: nowrap } .text { display: block }
  .gap-extra-small { gap: 6px } .gap-small { gap: 10px } .gap-medium { gap: 16px } .gap-large { gap: 24px }
  .row { display: flex; gap: 8px; align-items: center; margin: 3px 0 }
  .button { display: inline-block; padding: 8px 16px; border: 1px solid #7c98b6; border-radius: 4px; font-weight: 500; background: #fff }
  .button.small { padding: 5px 12px; font-size: 13px } .button.extra-small { padding: 2px 8px; font-size: 12px }
  .button.primary { background: #213343; border-color: #213343; color: #fff } .button.off { opacity: .45 }
  .button.destructive { border-color: #c9302c; color: #c9302c } .button.transparent { border-color: transparent; color: #0b6e8f }
  a { color: #0b6e8f; text-decoration: underline } nav { display: flex; border-bottom: 1px solid #cbd6e2; margin-bottom: 18px }
  nav span { padding: 10px 18px; color: #516f90 } nav .open { color: #213343; font-weight: 600; box-shadow: inset 0 -3px #213343 }
  .alert, .tile { border: 1px solid #cbd6e2; border-radius: 4px; padding: 10px 14px; display: flex; flex-direction: column; gap: 6px }
  .alert { border-left-width: 4px } .alert.success { border-left-color: #00a38d } .alert.warning { border-left-color: #dba617 }
  .alert.danger { border-left-color: #c9302c } .alert.info { border-left-color: #0b6e8f }
  .tag { font-size: 12px; border: 1px solid #cbd6e2; border-radius: 3px; padding: 1px 7px; white-space: nowrap }
  .tag.success { border-color: #00a38d } .tag.info { border-color: #0b6e8f } .tag.warning { border-color: #dba617 }
  .tag.danger { border-color: #c9302c } table { border-collapse: collapse; width: 100% }
  th, td { border: 1px solid #dfe6ed; padding: 6px 10px; text-align: left; vertical-align: top } th { background: #f5f8fa; font-size: 12px }
  details { border-top: 1px solid #dfe6ed; padding: 10px 0 } summary { font-weight: 600 } details[open] > :nth-child(2) { margin-top: 8px }
  .field { display: flex; flex-direction: column; gap: 3px; min-width: 150px } .field small:empty { display: none }
  .input { display: block; border: 1px solid #cbd6e2; border-radius: 3px; background: #f5f8fa; padding: 7px 10px; min-height: 20px }
  .select::after { content: '▾'; float: right; color: #516f90 } fieldset { border: 0; padding: 0; margin: 0 }
  .toggle, .radio { display: inline-block; width: 30px; height: 16px; border-radius: 9px; background: #b0c1d4; flex: none }
  .toggle.on { background: #00a38d } .radio { width: 10px; height: 10px; border: 2px solid #7c98b6; background: #fff }
  .radio.on { border: 5px solid #213343; width: 4px; height: 4px } .statistics { gap: 36px; align-items: flex-start }
  .statistics strong { display: block; font-size: 24px; font-weight: 500 } dl { margin: 0; display: flex; gap: 36px; flex-wrap: wrap }
  dt { font-size: 12px; color: #516f90 } dd { margin: 0 } ol, ul { margin: 0; padding-left: 22px; overflow-wrap: anywhere }
  .bars { display: grid; grid-template-columns: auto 1fr; gap: 6px 12px } .bars i { display: inline-block; height: 14px; background: #0b6e8f;
  margin-right: 6px; vertical-align: middle }`

/** @param shown what HubSpot's renderer has made of the extension */
export const drawPage = (shown: Tree): string => `<!doctype html><meta charset="utf-8"><style>${style}</style><main>${draw(shown)}</main>`
