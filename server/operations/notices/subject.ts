import { sql } from 'kysely'
import { connectors } from '../../../connectors/registry.ts'

/** What names the subject of a notice. */
export interface SubjectNames {
  crm: string | null
  name: string | null
  meta_id: string | null
}

/** Yields `SubjectNames` for notices read as `n`. */
export const subjectColumns = sql`c.crm, c.name, d.meta_id`
export const subjectJoins = sql`
  left join connection c on n.subject = 'connection:' || c.id
  left join dataset d on n.subject = 'dataset:' || d.id`

/**
 * What a notice is about, for people: "HubSpot connection 3 (Sales)", "Dataset 700000000000001". Pure.
 *
 * @param subject `connection:<id>`, `dataset:<id>`; of anything else the word itself is given
 */
export function describeSubject(subject: string, { crm, name, meta_id }: SubjectNames): string {
  const [kind = '', id = ''] = subject.split(':')
  if (kind === 'dataset' && meta_id !== null) return `Dataset ${meta_id}`
  const plain = `${kind} ${id}`.trim()
  if (crm === null) return plain.charAt(0).toUpperCase() + plain.slice(1)
  const display = Object.hasOwn(connectors, crm) ? connectors[crm]?.manifest.displayName : crm
  return `${display} ${plain}${name ? ` (${name})` : ''}`
}
