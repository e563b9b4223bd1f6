import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react'

const SayContext = createContext<(text: string) => void>(() => {})
const SHOWN_MS = 6_000

/** Says in a few words that something was done, to the eye and to a screen reader. */
export const useSay = () => useContext(SayContext)

export function SayProvider({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState<{ text: string }>()
  const say = useCallback((text: string) => setSaid({ text }), [])
  useEffect(() => {
    if (said === undefined) return
    const timer = setTimeout(() => setSaid(undefined), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [said])
  return (
    <SayContext value={say}>
      {children}
      <div className="said" role="status">
        {said && <div>{said.text}</div>}
      </div>
    </SayContext>
  )
}
