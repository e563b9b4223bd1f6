import { type UseMutationResult, useQueryClient } from '@tanstack/react-query'
import { Failed } from './failed.tsx'
import { SaveBar } from './save-bar.tsx'
import type { Draft } from './use-draft.ts'

/**
 * What stands below changes that are not saved: saving them, letting go of them, and the ways out where somebody else was faster.
 * @param latest reads what is saved by now
 * @param bodyOf what is saved, as a change of that version
 * @param error what is told here; by default, why it was not saved
 */
export function KeepChanges<Value, Body, Made>({
  draft,
  save,
  latest,
  bodyOf,
  ready = true,
  error = save.error,
}: {
  draft: Draft<Value>
  save: UseMutationResult<Made, Error, Body>
  latest: { queryKey: readonly unknown[]; queryFn: () => Promise<{ version: string }> }
  bodyOf: (version: string) => Body
  ready?: boolean
  error?: Error | null
}) {
  const queries = useQueryClient()
  const discard = () => {
    save.reset()
    draft.discard()
  }
  return (
    <>
      <Failed
        error={error}
        theirs={() => {
          discard()
          queries.invalidateQueries()
        }}
        mine={async () => {
          const { version } = await queries.fetchQuery({ ...latest, staleTime: 0 })
          draft.rebase(version)
          save.mutate(bodyOf(version))
        }}
      />
      {draft.isChanged && (
        <SaveBar busy={save.isPending} ready={ready} onSave={() => save.mutate(bodyOf(draft.version))} onDiscard={discard} />
      )}
    </>
  )
}
