import { useSyncExternalStore } from 'react'

const subscribe = (told: () => void) => {
  window.addEventListener('hashchange', told)
  return () => window.removeEventListener('hashchange', told)
}

/** What the fragment of the address names: the view. */
export const useHash = (): string => useSyncExternalStore(subscribe, () => window.location.hash.slice(1))
