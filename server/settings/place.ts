/** Where a list goes on that is read page by page, the latest first: behind an instant and, among what has the same, behind an id. */
import { problem } from './problem.ts'

export interface Place {
  at: Date
  id: string
}

/** As text for whoever asks for the next page. Pure. */
export const placeText = ({ at, id }: Place): string => `${at.getTime()}-${id}`

/**
 * Reads what `placeText` wrote. Pure. Throws `CodedError` `invalid_input`.
 *
 * @param ids the whole of an id, as a regular expression
 */
export function readPlace(text: string, ids: RegExp): Place {
  // Years that the database knows, too.
  const [, at, id] = /^(-?\d{1,14})-(.*)$/.exec(text) ?? []
  if (at === undefined || id === undefined || !ids.test(id)) throw notAPlace()
  return { at: new Date(Number(at)), id }
}

export const notAPlace = () => problem('invalid_input', 'The place to go on from is not one that a list has named.')
