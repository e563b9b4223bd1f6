import { Button, Icon } from '@hubspot/ui-extensions'
import { words } from './shared/words.ts'

const { stages: text } = words

interface Moved {
  label: string
  place: number
  of: readonly unknown[]
  move: (by: -1 | 1) => void
}

/** Puts a stage before or behind its neighbour: arrows, with words for whoever does not see them. */
export const MoveButtons = ({ label, place, of, move }: Moved) => (
  <>
    <Button size="extra-small" disabled={place === 0} onClick={() => move(-1)}>
      <Icon name="upCarat" screenReaderText={text.up(label)} />
    </Button>
    <Button size="extra-small" disabled={place === of.length - 1} onClick={() => move(1)}>
      <Icon name="downCarat" screenReaderText={text.down(label)} />
    </Button>
  </>
)
