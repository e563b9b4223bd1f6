import { useExtensionActions } from '@hubspot/ui-extensions'
import { useState } from 'react'
import type { ApiError } from './api.ts'

export interface Change {
  busy: boolean
  error: ApiError | undefined
  /** Makes a change, says that it is made, and has what is shown read anew by `after`. */
  make: <T>(change: () => Promise<T>, then?: { done?: string; after?: (made: T) => void }) => void
  /** Lets go of the error. */
  forget: () => void
}

/** One change at a time; what is under way is not asked for again. */
export function useChange(): Change {
  const { addAlert } = useExtensionActions<'settings'>()
  const [state, setState] = useState<Pick<Change, 'busy' | 'error'>>({ busy: false, error: undefined })
  return {
    ...state,
    forget: () => setState({ busy: false, error: undefined }),
    make(change, { done, after } = {}) {
      if (state.busy) return
      setState({ busy: true, error: undefined })
      change().then(
        (made) => {
          setState({ busy: false, error: undefined })
          if (done !== undefined) addAlert({ type: 'success', message: done })
          after?.(made)
        },
        (error: ApiError) => setState({ busy: false, error }),
      )
    },
  }
}
