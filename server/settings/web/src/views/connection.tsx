import { Text, Title } from '@mantine/core'
import { words } from '../words.ts'
import { Crm } from './connection/crm.tsx'
import { Datasets } from './connection/datasets.tsx'
import { Leave } from './connection/leave.tsx'
import { People } from './connection/people.tsx'
import { Files, Notices, Trail } from './connection/trail.tsx'

export function Connection() {
  return (
    <div className="stack">
      <div>
        <Title order={1}>{words.connection.title}</Title>
        <Text c="dimmed">{words.connection.text}</Text>
      </div>
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
    </div>
  )
}
