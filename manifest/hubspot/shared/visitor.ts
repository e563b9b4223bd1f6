import { createContext, useContext } from 'react'

export interface Visitor {
  crm: { id: string; name: string }
  /** The number that the CRM gave them. */
  userId: string
  account: string
  /** May change things. */
  admin: boolean
  timeZone: string
}

export const VisitorContext = createContext<Visitor>({ crm: { id: '', name: '' }, userId: '', account: '', admin: false, timeZone: 'UTC' })
export const useVisitor = (): Visitor => useContext(VisitorContext)
