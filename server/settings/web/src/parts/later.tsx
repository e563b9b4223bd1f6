import { type ComponentType, lazy } from 'react'
import { words } from '../words.ts'
import { Note } from './note.tsx'

/**
 * A part of the page that has a file of its own, fetched when it is shown. Where that fails, as on a bad network or after an upgrade of
 * the server, the rest of the page stays. Some browsers keep the failure for as long as the page is open, so nothing is tried again.
 */
export const later = (part: () => Promise<ComponentType>) =>
  lazy(() =>
    part().then(
      (fetched) => ({ default: fetched }),
      () => ({ default: NotFetched }),
    ),
  )

const NotFetched = () => (
  <Note mood="bad" role="alert" title={words.failed.title}>
    {words.failed.part}
  </Note>
)
