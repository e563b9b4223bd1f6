/** What the event bus has to know of an org. */
import type { ChangeLog, Entity } from './change-log.ts'

/** A custom channel: which entities it carries, and the fields it adds to every update and delete of them. */
export interface Channel {
  /** `/data/Name__chn`. */
  name: string
  members: { entity: Entity; enriched: string[] }[]
}
/** The user a token speaks for. Read at every delivery, so that a change of rights reaches open streams. */
export interface StreamUser {
  id: string
  /** View All Records. */
  viewsAll(entity: Entity): boolean
  /** Field-level security: API names of the fields the user cannot see, which are left out. */
  hidden(entity: Entity): readonly string[]
}
export interface PubSubOrg {
  /** 18 characters. */
  id: string
  changeLog: ChangeLog
  /** Custom channels; those of a package vanish with it. */
  channels(): readonly Channel[]
  /** The user of an access token that works at present. */
  authorise(token: string): StreamUser | undefined
  /** A field's value now, in the encoding of change events; what enrichment adds. */
  current(entity: Entity, recordId: string, field: string): unknown
  /** Events delivered to subscribers in the last 24 hours, and how many may be. The event bus counts here. */
  deliveries: { used: number; max: number }
}
