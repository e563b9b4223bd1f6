import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react'
import { type Api, type ApiError, createApi } from './api.ts'

export const ApiContext = createContext<Api>(createApi(''))
export const useApi = (): Api => useContext(ApiContext)

export interface Read<T> {
  data: T | undefined
  error: ApiError | undefined
  busy: boolean
  /** Reads anew; what was read before stays until then. */
  again: () => void
}

/** Reads a resource of the API when it is first shown, when its path changes, and whenever `again` is called. */
export function useRead<T>(path: string): Read<T> {
  const api = useApi()
  return useAsked(useMemo(() => () => api.read<T>(path), [api, path]))
}

const NOTHING = {}

/** As `useRead`, for a question that is asked with a body; another object is another question. */
export function useTry<T>(path: string, body: object = NOTHING): Read<T> {
  const api = useApi()
  return useAsked(useMemo(() => () => api.tryOut<T>(path, body), [api, path, body]))
}

function useAsked<T>(ask: () => Promise<T>): Read<T> {
  const [state, setState] = useState<Omit<Read<T>, 'again'>>({ data: undefined, error: undefined, busy: true })
  const asked = useRef<() => Promise<T>>(undefined)
  const again = useCallback(() => {
    const isOther = asked.current !== ask
    asked.current = ask
    setState(({ data }) => ({ data: isOther ? undefined : data, error: undefined, busy: true }))
    // What was asked about before may be answered later.
    const settle = (next: (before: T | undefined) => Omit<Read<T>, 'again'>) => {
      if (asked.current === ask) setState(({ data }) => next(data))
    }
    ask().then(
      (data) => settle(() => ({ data, error: undefined, busy: false })),
      (error: ApiError) => settle((data) => ({ data, error, busy: false })),
    )
  }, [ask])
  useEffect(again, [again])
  return { ...state, again }
}
