import { type ExtensionPointApi, hubspot, Tab, Tabs } from '@hubspot/ui-extensions'
import { useState } from 'react'
import { Connection } from './Connection.tsx'
import { FirstRun } from './FirstRun.tsx'
import { Leads } from './Leads.tsx'
import { Stages } from './Stages.tsx'
import { Frame } from './shared/frame.tsx'
import { words } from './shared/words.ts'

const views = { start: FirstRun, stages: Stages, leads: Leads, connection: Connection } as const
export type View = keyof typeof views

/** All that can be set. Only the view that is looked at is there, so that no surface has two primary buttons. */
export function SettingsPage({ context }: Pick<ExtensionPointApi<'settings'>, 'context'>) {
  const [view, setView] = useState<View>('start')
  return (
    <Frame context={context}>
      <Tabs selected={view} onSelectedChange={(id: string | number) => setView(id as View)}>
        {(Object.keys(views) as View[]).map((name) => {
          const Shows = views[name]
          return (
            <Tab key={name} tabId={name} title={words.views[name]}>
              {view === name && <Shows open={setView} />}
            </Tab>
          )
        })}
      </Tabs>
    </Frame>
  )
}

hubspot.extend<'settings'>(({ context }) => <SettingsPage context={context} />)
