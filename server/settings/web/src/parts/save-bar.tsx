import { Button, Group, Text } from '@mantine/core'
import { words } from '../words.ts'

/** Stays in sight while something is not saved. */
export function SaveBar({
  busy,
  ready = true,
  onSave,
  onDiscard,
}: {
  busy: boolean
  ready?: boolean
  onSave: () => void
  onDiscard: () => void
}) {
  return (
    <section className="saved" aria-label={words.unsaved.text}>
      <Text size="sm">{words.unsaved.text}</Text>
      <Group gap="xs">
        <Button variant="default" onClick={onDiscard} disabled={busy}>
          {words.unsaved.discard}
        </Button>
        <Button onClick={onSave} loading={busy} disabled={!ready}>
          {words.unsaved.save}
        </Button>
      </Group>
    </section>
  )
}
