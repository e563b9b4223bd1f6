import { Button, Modal, ModalBody, ModalFooter, Text, useExtensionActions } from '@hubspot/ui-extensions'
import { words } from './words.ts'

interface Question {
  /** Of the question; another for each that is there at once. */
  id: string
  /** On the button that asks. */
  label: string
  title: string
  text: string
  /** On the button that does it. */
  yes: string
  size?: 'extra-small' | 'medium'
  busy: boolean
  act: () => void
}

/** A button for what cannot be taken back: it says first what it does. */
export function AskFirst({ id, label, title, text, yes, size = 'medium', busy, act }: Question) {
  const { closeOverlay } = useExtensionActions<'settings'>()
  return (
    <Button
      variant="destructive"
      size={size}
      disabled={busy}
      overlay={
        <Modal id={id} title={title} variant="danger">
          <ModalBody>
            <Text>{text}</Text>
          </ModalBody>
          <ModalFooter>
            <Button
              variant="destructive"
              disabled={busy}
              onClick={() => {
                closeOverlay(id)
                act()
              }}
            >
              {yes}
            </Button>
            <Button variant="secondary" onClick={() => closeOverlay(id)}>
              {words.cancel}
            </Button>
          </ModalFooter>
        </Modal>
      }
    >
      {label}
    </Button>
  )
}
