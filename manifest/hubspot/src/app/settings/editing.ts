import type { Mapping, Stages } from './shared/answers.ts'

/** The stages as they stand on the page, and what the parts of the page need to change them. */
export interface Editing {
  mapping: Mapping
  /** How each is in the CRM, by its key. */
  states: ReadonlyMap<string, Stages['stages'][number]['state']>
  groups: Stages['groups']
  edit: (next: Mapping) => void
}
