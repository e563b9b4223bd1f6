import { Alert, Button, EmptyState, Flex, Link, Text } from '@hubspot/ui-extensions'
import { type ReactNode, useMemo, useState } from 'react'
import type { Session } from './answers.ts'
import { createApi } from './api.ts'
import { Failed } from './failed.tsx'
import { Shown } from './shown.tsx'
import { useChange } from './use-change.ts'
import { ApiContext, useApi, useRead } from './use-read.ts'
import { VisitorContext } from './visitor.ts'
import { words } from './words.ts'

/** What HubSpot says of where we are; shown, and never trusted. */
export interface Surroundings {
  portal: { timezone: string }
  variables?: Record<string, unknown>
}

/** What is around every view: whose account it is, whether it is connected, and whether its visitor may change things. */
export function Frame({ context, children }: { context: Surroundings; children: ReactNode }) {
  const origin = String(context.variables?.PUBLIC_URL ?? '')
  const api = useMemo(() => createApi(origin), [origin])
  return (
    <ApiContext.Provider value={api}>
      <Inside timeZone={context.portal.timezone}>{children}</Inside>
    </ApiContext.Provider>
  )
}

function Inside({ timeZone, children }: { timeZone: string; children: ReactNode }) {
  const session = useRead<Session>('/session')
  return (
    <Shown read={session}>
      {({ crm, account, userId, admin, connection }) =>
        connection === null ? (
          <NotConnected crm={crm.name} account={account} again={session.again} />
        ) : (
          <VisitorContext.Provider value={{ crm, userId, account, admin, timeZone }}>
            {!admin && (
              <Alert title={words.readOnly.title} variant="info">
                {words.readOnly.text(crm.name)}
              </Alert>
            )}
            {children}
          </VisitorContext.Provider>
        )
      }
    </Shown>
  )
}

function NotConnected({ crm, account, again }: { crm: string; account: string; again: () => void }) {
  return (
    <EmptyState title={words.outside.notConnected(crm)} imageName="integrations" layout="vertical">
      <Text>{words.outside.notConnectedText(crm, account)}</Text>
      <Connect label={words.outside.connect(crm)} variant="primary" />
      <Button variant="transparent" onClick={again}>
        {words.outside.connected}
      </Button>
    </EmptyState>
  )
}

/** Leads to the consent page of the CRM, which opens in a tab of its own. */
export function Connect({ label, variant = 'secondary' }: { label: string; variant?: 'primary' | 'secondary' }) {
  const api = useApi()
  const change = useChange()
  const [url, setUrl] = useState<string>()
  return (
    <Flex direction="column" gap="small" align="start">
      <Failed error={change.error} />
      {url === undefined ? (
        <Button
          variant={variant}
          disabled={change.busy}
          onClick={() => change.make(() => api.change<{ url: string }>('POST', '/connect'), { after: (made) => setUrl(made.url) })}
        >
          {label}
        </Button>
      ) : (
        <Link href={{ url, external: true }}>{words.actionDone.reconnect}</Link>
      )}
    </Flex>
  )
}
