import { Group, Text, Title } from '@mantine/core'
import { type ReactNode, useId } from 'react'

/** A part of a view with its heading. */
export function Card({ title, text, aside, children }: { title: string; text?: ReactNode; aside?: ReactNode; children?: ReactNode }) {
  const id = useId()
  return (
    <section className="card" aria-labelledby={id}>
      <Group justify="space-between" align="flex-start" gap="xs" mb={children ? 'sm' : 0}>
        <div style={{ minWidth: 0 }}>
          <Title order={2} id={id}>
            {title}
          </Title>
          {text !== undefined && (
            <Text size="sm" c="dimmed" mt={2} maw={680}>
              {text}
            </Text>
          )}
        </div>
        {aside}
      </Group>
      {children}
    </section>
  )
}
