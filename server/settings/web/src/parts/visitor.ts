import { createContext, useContext } from 'react'
import type { Session } from '../api/resources.ts'

/** Who looks at the page. */
export const VisitorContext = createContext<Session | undefined>(undefined)

export function useVisitor(): Session & { connection: NonNullable<Session['connection']> } {
  const session = useContext(VisitorContext)
  if (session === undefined || session.connection === null) throw new Error('nobody is signed in here')
  return { ...session, connection: session.connection }
}
