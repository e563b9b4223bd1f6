import { Group, Text } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck, IconInfoCircle } from '@tabler/icons-react'
import type { ReactNode } from 'react'

const icons = { good: IconCircleCheck, warn: IconAlertTriangle, bad: IconAlertTriangle, soft: IconInfoCircle }
export type Mood = keyof typeof icons

/** Something that somebody should know, with a sign and words. */
export function Note({
  mood = 'soft',
  title,
  role,
  children,
  actions,
}: {
  mood?: Mood
  title?: string
  role?: 'alert' | 'status'
  children?: ReactNode
  actions?: ReactNode
}) {
  const Icon = icons[mood]
  return (
    <div className="card mood" role={role} style={{ marginBottom: 16 }}>
      <Icon size={20} className={mood} aria-hidden />
      <div style={{ flex: 1, minWidth: 0 }}>
        {title !== undefined && <Text fw={600}>{title}</Text>}
        <Text component="div" size="sm" style={{ overflowWrap: 'anywhere' }}>
          {children}
        </Text>
        {actions !== undefined && (
          <Group gap="xs" mt="sm">
            {actions}
          </Group>
        )}
      </div>
    </div>
  )
}
