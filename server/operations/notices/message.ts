/** What people are told, before it becomes a mail or a webhook body. */
import type { Outcome } from '../../database/tables.ts'

/** A notice, as it stands in a message. */
export interface Matter {
  /** `connection:<id>`, `dataset:<id>`. */
  subject: string
  code: string
  /** What it is about, for people: "HubSpot connection 3". */
  about: string
  /** The notice's own text. */
  text: string
  /** When it was opened; of what is over: when it was closed. ISO 8601. */
  at: string
}

/** What is new, and what is over. */
export interface NoticesContent {
  opened: Matter[]
  over: Matter[]
}

/** A week of a workspace. Instants are ISO 8601. */
export interface DigestContent {
  from: string
  to: string
  /** Events that Meta took, by their name; the most first. */
  sent: { eventName: string; count: number }[]
  /** What was not sent, by why; the most first. */
  notSent: { outcome: Outcome; reason: string; text: string; count: number }[]
  /** What is on its way or waits for a lead, and when the oldest of it happened. */
  waiting: { count: number; oldest: string | null }
  open: Matter[]
}

export type Content =
  | ({ kind: 'notices' } & NoticesContent)
  | ({ kind: 'digest' } & DigestContent)
  /** Shows a recipient that messages arrive. */
  | { kind: 'test' }

/** A message on its way to one recipient. */
export interface Message {
  /** Stays the same over all tries. */
  id: string
  createdAt: Date
  workspace: { id: number; name: string }
  recipientId: number
  /** Of the workspace, for the times in texts. */
  timeZone: string
  content: Content
}
