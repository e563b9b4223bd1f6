import { View } from '../parts/view.tsx'
import { words } from '../words.ts'
import { Crm } from './connection/crm.tsx'
import { Datasets } from './connection/datasets.tsx'
import { Leave } from './connection/leave.tsx'
import { People } from './connection/people.tsx'
import { Files, Notices, Trail } from './connection/trail.tsx'

export function Connection() {
  return (
    <View title={words.connection.title} text={words.connection.text}>
      <Crm />
      <Datasets />
      <div className="columns">
        <People />
        <Notices />
      </div>
      <div className="columns">
        <Trail />
        <div className="stack">
          <Files />
          <Leave />
        </div>
      </div>
    </View>
  )
}
