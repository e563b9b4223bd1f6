import { Button, Group, Modal, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { words } from '../words.ts'

/** Asks before something that cannot be taken back, or that more depends on than is seen. */
export function AskFirst({
  opened,
  title,
  children,
  yes,
  ready = true,
  busy = false,
  danger = false,
  onYes,
  onNo,
}: {
  opened: boolean
  title: string
  children: ReactNode
  yes: string
  /** Whether a yes may be given. */
  ready?: boolean
  busy?: boolean
  danger?: boolean
  onYes: () => void
  onNo: () => void
}) {
  return (
    <Modal opened={opened} onClose={onNo} title={title} centered closeButtonProps={{ 'aria-label': words.close }}>
      <Text component="div" size="sm" mb="lg">
        {children}
      </Text>
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onNo}>
          {words.cancel}
        </Button>
        <Button {...(danger && { color: 'red.8' })} onClick={onYes} loading={busy} disabled={!ready}>
          {yes}
        </Button>
      </Group>
    </Modal>
  )
}
