import { type ExtensionPointApi, Flex, hubspot, Tab, Tabs } from '@hubspot/ui-extensions'
import { useState } from 'react'
import { Activity } from './Activity.tsx'
import { Overview } from './Overview.tsx'
import { Frame } from './shared/frame.tsx'
import { words } from './shared/words.ts'

/** The page of the app: how it goes, and what became of every change. Settings are where HubSpot puts those of all apps. */
export function Pages({ context }: Pick<ExtensionPointApi<'pages'>, 'context'>) {
  const [view, setView] = useState<string | number>('overview')
  return (
    <Frame context={context}>
      <Flex direction="column" gap="medium">
        <Tabs selected={view} onSelectedChange={(id: string | number) => setView(id)}>
          <Tab tabId="overview" title={words.views.overview}>
            {view === 'overview' && <Overview toActivity={() => setView('activity')} />}
          </Tab>
          <Tab tabId="activity" title={words.views.activity}>
            {view === 'activity' && <Activity />}
          </Tab>
        </Tabs>
      </Flex>
    </Frame>
  )
}

hubspot.extend<'pages'>(({ context }) => <Pages context={context} />)
