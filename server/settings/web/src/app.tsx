import { type MantineColorSchemeManager, MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query'
import { Suspense, useEffect, useState } from 'react'
import { askForSignedRequest } from './api/canvas.ts'
import { ApiError, keepSession } from './api/client.ts'
import { resources } from './api/resources.ts'
import { openSession } from './api/session.ts'
import { Alone } from './parts/alone.tsx'
import { Frame, type View } from './parts/frame.tsx'
import { keepFocus } from './parts/keep-focus.ts'
import { later } from './parts/later.tsx'
import { TabProvider } from './parts/open-tab.tsx'
import { SayProvider } from './parts/say.tsx'
import { Loading, Shown } from './parts/shown.tsx'
import { useHash } from './parts/use-hash.ts'
import { VisitorContext } from './parts/visitor.ts'
import { theme } from './theme.ts'
import { NotConnected, SignedOut, SignIn } from './views/outside.tsx'
import { Overview } from './views/overview.tsx'
import { words } from './words.ts'

const views: Record<View, React.ComponentType> = {
  overview: Overview,
  stages: later(async () => (await import('./views/stages.tsx')).Stages),
  leads: later(async () => (await import('./views/leads.tsx')).Leads),
  activity: later(async () => (await import('./views/activity.tsx')).Activity),
  connection: later(async () => (await import('./views/connection.tsx')).Connection),
  start: later(async () => (await import('./views/start.tsx')).Start),
}

const STALE_MS = 10_000
const RETRIES = 2
/** Without a network it is said that nothing can be reached, instead of waiting without a word until there is one. */
const EVEN_OFFLINE = { networkMode: 'always' } as const
const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: STALE_MS,
      ...EVEN_OFFLINE,
      refetchOnReconnect: true,
      // Where the API gave a reason, asking again changes nothing.
      retry: (count, error) => count < RETRIES && error instanceof ApiError && error.code === 'offline',
    },
    mutations: EVEN_OFFLINE,
  },
})

/** The page lives in a frame that may keep nothing; the scheme is that of the system. */
const noMemory: MantineColorSchemeManager = { get: (scheme) => scheme, set() {}, subscribe() {}, unsubscribe() {}, clear() {} }

type Standing = { is: 'opening' | 'out' | 'in' | 'over' } | { is: 'refused'; error: unknown }

/** Opens a session; begun once, since a code and a block of data are there once. */
const opened = openSession()

export function App() {
  const [standing, setStanding] = useState<Standing>({ is: 'opening' })
  useEffect(keepFocus, [])
  useEffect(() => {
    opened.then(
      (session) => {
        if (session === undefined) return setStanding({ is: 'out' })
        keepSession(session, { onSignedOut: () => setStanding({ is: 'over' }), askForSignedRequest })
        setStanding({ is: 'in' })
      },
      (error: unknown) => setStanding({ is: 'refused', error }),
    )
  }, [])
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" colorSchemeManager={noMemory}>
      <QueryClientProvider client={queryClient}>
        <SayProvider>
          <TabProvider>
            {standing.is === 'opening' && <Alone title={words.opening} busy />}
            {standing.is === 'out' && <SignIn />}
            {standing.is === 'refused' && <SignIn problem={standing.error} />}
            {/* What somebody was typing stays when the session ends. */}
            {(standing.is === 'in' || standing.is === 'over') && <Inside />}
            {standing.is === 'over' && <SignedOut onBack={() => setStanding({ is: 'in' })} />}
          </TabProvider>
        </SayProvider>
      </QueryClientProvider>
    </MantineProvider>
  )
}

const isView = (name: string): name is View => Object.hasOwn(views, name)

function Inside() {
  const session = useQuery(resources.session)
  const hash = useHash()
  const name = hash.split('/')[0] ?? ''
  const view = isView(name) ? name : 'overview'
  if (session.isPending) return <Alone title={words.opening} busy />
  if (session.isError)
    return (
      <Alone title={words.failed.title}>
        <Shown query={session}>{() => null}</Shown>
      </Alone>
    )
  if (session.data.connection === null) return <NotConnected session={session.data} />
  const Shows = views[view]
  return (
    <VisitorContext value={session.data}>
      <Frame view={view}>
        <Suspense fallback={<Loading />}>
          <Shows key={view} />
        </Suspense>
      </Frame>
    </VisitorContext>
  )
}
