import type { Figures, Stages } from '../../api/resources.ts'

/** The events in funnel order with the leads that reached each; those that are sent no more come last. */
export function funnelOf({ lines }: Pick<Figures, 'lines'>, { rawLead, stages }: Pick<Stages, 'rawLead' | 'stages'>) {
  const order = [rawLead.eventName, ...stages.map(({ eventName }) => eventName)]
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length)
  return lines
    .filter(({ leads }) => leads > 0)
    .map(({ name, value, leads }) => ({ name: name || value, leads }))
    .sort((a, b) => place(a.name) - place(b.name))
}
