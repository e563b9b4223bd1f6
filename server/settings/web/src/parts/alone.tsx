import { Loader, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** One thing in the middle of the page, where there is no account to show. */
export function Alone({ title, busy = false, children }: { title: string; busy?: boolean; children?: ReactNode }) {
  return (
    <main className="alone" aria-busy={busy}>
      <div className="card">
        <Title order={1} mb="sm">
          {title}
        </Title>
        {busy ? <Loader size="sm" aria-hidden /> : children}
      </div>
    </main>
  )
}
