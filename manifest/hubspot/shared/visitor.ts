import { createContext, useContext } from 'react'

export interface Visitor {
  /** The name of the CRM. */
  crm: string
  account: string
  /** May change things. */
  admin: boolean
  timeZone: string
}

export const VisitorContext = createContext<Visitor>({ crm: '', account: '', admin: false, timeZone: 'UTC' })
export const useVisitor = (): Visitor => useContext(VisitorContext)
