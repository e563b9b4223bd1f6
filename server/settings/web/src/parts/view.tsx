import { Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** A view with its heading, and its parts one below the other. */
export function View({ title, text, children }: { title: string; text?: string; children: ReactNode }) {
  return (
    <div className="stack">
      <div>
        <Title order={1}>{title}</Title>
        {text !== undefined && <Text c="dimmed">{text}</Text>}
      </div>
      {children}
    </div>
  )
}
