import { type UseMutationResult, useQuery, useQueryClient } from '@tanstack/react-query'
import { ApiError } from '../api/client.ts'
import { Failed } from './failed.tsx'
import { SaveBar } from './save-bar.tsx'
import type { Draft } from './use-draft.ts'

/**
 * What stands below changes that are not saved: saving them, letting go of them, and the ways out where somebody else was faster.
 * @param latest reads what is saved by now
 * @param bodyOf what is saved, as a change of that version
 * @param differences says in words what they changed, from what was saved when the changes here began to what is saved by now
 * @param error what is told here; by default, why it was not saved
 */
export function KeepChanges<Value, Body, Made, Latest extends { version: string }>({
  draft,
  save,
  latest,
  bodyOf,
  differences,
  ready = true,
  error = save.error,
}: {
  draft: Draft<Value>
  save: UseMutationResult<Made, Error, Body>
  latest: { queryKey: readonly unknown[]; queryFn: () => Promise<Latest> }
  bodyOf: (version: string) => Body
  differences?: (before: Value, now: Latest) => string[]
  ready?: boolean
  error?: Error | null
}) {
  const queries = useQueryClient()
  const isOutdated = error instanceof ApiError && error.code === 'outdated'
  const { data: theirs } = useQuery({ ...latest, staleTime: 0, enabled: isOutdated && differences !== undefined })
  const discard = () => {
    save.reset()
    draft.discard()
  }
  return (
    <>
      <Failed
        error={error}
        differences={isOutdated && theirs !== undefined ? differences?.(draft.base, theirs) : undefined}
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
      {/* Saving the same once more would be refused again. */}
      {draft.isChanged && !isOutdated && (
        <SaveBar busy={save.isPending} ready={ready} onSave={() => save.mutate(bodyOf(draft.version))} onDiscard={discard} />
      )}
    </>
  )
}
