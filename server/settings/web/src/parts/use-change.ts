import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query'
import { useSay } from './say.tsx'

/** A change by the API. When it is made, what is shown is read anew, and `done` is said. */
export function useChange<Given, Made>(
  change: (given: Given) => Promise<Made>,
  { done, after }: { done?: string | ((made: Made) => string); after?: (made: Made) => void } = {},
): UseMutationResult<Made, Error, Given> {
  const queries = useQueryClient()
  const say = useSay()
  return useMutation({
    mutationFn: change,
    async onSuccess(made) {
      await queries.invalidateQueries()
      if (done !== undefined) say(typeof done === 'string' ? done : done(made))
      after?.(made)
    },
  })
}
