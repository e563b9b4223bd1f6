import { eventValue, toldName } from './commit.ts'
import type { Session } from './oauth.ts'
import type { Org } from './org.ts'
import type { Channel, PubSubOrg } from './pubsub-org.ts'

const packagedChannel = '/data/Meta_Connector__chn'

/** An org as the event bus knows it. `session` tells whom a token speaks for. */
export function busOrg(org: Org, session: (token: string) => Session | undefined): PubSubOrg {
  return {
    id: org.id,
    changeLog: org.changeLog,
    deliveries: org.deliveries,
    channels: () => (org.facts.packageInstalled && org.facts.changeEvents ? [channelOf(org)] : []),
    authorise(token) {
      const found = session(token)
      if (found === undefined || found.org !== org || !org.facts.apiEnabled || !found.user.apiEnabled) return undefined
      const { user } = found
      return {
        id: user.id,
        viewsAll: (entity) => user.viewAllData || user.viewAll.includes(entity),
        hidden: (entity) => (user.hiddenFields.length === 0 ? none : hiddenNames(org, entity, user.hiddenFields)),
      }
    },
    current(entity, recordId, name) {
      const field = org.field(entity, name)
      const row = org.table(entity).get(recordId)
      return field === undefined || row === undefined ? null : eventValue(field, org.value(entity, row, field.name))
    },
  }
}

const channelOf = ({ facts: { enriched } }: Org): Channel => ({
  name: packagedChannel,
  members: [
    { entity: 'Lead', enriched },
    { entity: 'Opportunity', enriched },
  ],
})

const none: string[] = []

/** Hidden fields of an object, parts of compound fields dotted. */
const hiddenNames = (org: Org, entity: string, hidden: readonly string[]): string[] =>
  org
    .fields(entity)
    .filter(({ name }) => hidden.includes(`${entity}.${name}`))
    .map(toldName)
