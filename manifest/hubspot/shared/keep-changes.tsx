import { Button, Flex } from '@hubspot/ui-extensions'
import { Failed } from './failed.tsx'
import type { Draft } from './use-draft.ts'
import { words } from './words.ts'

type Kept = Pick<Draft<object>, 'isChanged' | 'busy' | 'error' | 'leave' | 'saveAnyway'>

/** The end of a form: why it was not saved, and the buttons that save it and let go of it. `primary` at most once in a view. */
export function KeepChanges({ draft, primary = false, ready = true }: { draft: Kept; primary?: boolean; ready?: boolean }) {
  const { isChanged, busy, error, leave, saveAnyway } = draft
  return (
    <>
      <Failed error={error} theirs={leave} mine={saveAnyway} />
      <Flex gap="small">
        <Button variant={primary ? 'primary' : 'secondary'} type="submit" disabled={!isChanged || busy || !ready}>
          {words.unsaved.save}
        </Button>
        {isChanged && (
          <Button variant="secondary" onClick={leave}>
            {words.unsaved.discard}
          </Button>
        )}
      </Flex>
    </>
  )
}
