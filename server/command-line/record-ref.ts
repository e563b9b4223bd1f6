import { InvalidArgumentError } from 'commander'
import type { RecordRef } from '../../connectors/connector.ts'

/** For records that are named as type/id. */
export function recordRef(given: string): RecordRef {
  const slash = given.indexOf('/')
  if (slash < 1 || slash === given.length - 1) throw new InvalidArgumentError('It has to look like contact/101.')
  return { type: given.slice(0, slash), id: given.slice(slash + 1) }
}
