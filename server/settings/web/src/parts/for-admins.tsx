import type { ReactNode } from 'react'
import { useVisitor } from './visitor.ts'

/** What only admins of the CRM account may do: others see it, and cannot press it. */
export function ForAdmins({ children }: { children: ReactNode }) {
  const { admin } = useVisitor()
  return (
    <fieldset className="plain" disabled={!admin}>
      {children}
    </fieldset>
  )
}
