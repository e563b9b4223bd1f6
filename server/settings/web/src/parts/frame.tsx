import { Badge, Button, Group, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useEffect, useRef } from 'react'
import { signOut } from '../api/client.ts'
import { words } from '../words.ts'
import { isFramed } from './is-framed.ts'
import { Note } from './note.tsx'
import { useSay } from './say.tsx'
import { useVisitor } from './visitor.ts'

export const shownViews = ['overview', 'stages', 'leads', 'activity', 'connection'] as const
export type View = (typeof shownViews)[number] | 'start'

/** What is around every view: whose account it is, and the ways to the other views. */
export function Frame({ view, children }: { view: View; children: ReactNode }) {
  const { crm, admin, connection } = useVisitor()
  const main = useRef<HTMLElement>(null)
  const nav = useRef<HTMLElement>(null)
  const before = useRef(view)
  useEffect(() => {
    document.title = `${words.views[view]} · ${words.name}`
    // A view that somebody went to is read out from its beginning; the first one is where the CRM left the focus.
    if (before.current !== view) main.current?.focus({ preventScroll: true })
    before.current = view
    window.scrollTo(0, 0)
    // On a narrow page the names of the views do not all fit.
    nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [view])
  return (
    <>
      <header className="top">
        <div>
          <Group justify="space-between" gap="xs">
            <Text fw={700}>{words.name}</Text>
            <Group gap="xs">
              <Text size="sm" c="dimmed" truncate maw={320}>
                {connection.workspace} · {crm.name}
              </Text>
              {!admin && (
                <Badge variant="outline" color="gray" c="dimmed">
                  {words.readOnly.badge}
                </Badge>
              )}
              {!isFramed && <SignOut />}
            </Group>
          </Group>
          <nav ref={nav} className="views" aria-label={words.views.label}>
            {shownViews.map((name) => (
              <a key={name} href={`#${name}`} aria-current={name === view ? 'page' : undefined}>
                {words.views[name]}
              </a>
            ))}
          </nav>
        </div>
      </header>
      <main ref={main} tabIndex={-1} className="frame" style={{ outline: 'none', paddingTop: 20 }}>
        {!admin && view !== 'overview' && view !== 'activity' && (
          <Note mood="warn" title={words.readOnly.title}>
            {words.readOnly.text(crm.name)}
          </Note>
        )}
        {children}
      </main>
    </>
  )
}

/** For the page on its own; inside a CRM its session is the CRM's. */
function SignOut() {
  const say = useSay()
  const leave = useMutation({
    mutationFn: signOut,
    onSuccess: () => window.location.assign('/page'),
    onError: (error) => say(error.message),
  })
  return (
    <Button size="compact-sm" variant="subtle" loading={leave.isPending} onClick={() => leave.mutate()}>
      {words.outside.leave}
    </Button>
  )
}
