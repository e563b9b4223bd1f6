import { Button, Modal, Text } from '@mantine/core'
import { createContext, type ReactNode, useCallback, useContext, useState } from 'react'
import { words } from '../words.ts'

const TabContext = createContext<(address: { url: string }) => void>(() => {})

/**
 * Opens an address in a tab of its own: the frame of a CRM shows nothing but us, and consents are given outside of it. To be done as soon
 * as the address is there: browsers soon forget that somebody pressed a button.
 */
export const useOpenTab = () => useContext(TabContext)

/** Where the browser refuses a tab, as pop-up blockers do when an answer took long, there is a link to press. */
export function TabProvider({ children }: { children: ReactNode }) {
  const [refused, setRefused] = useState({ url: '', shown: false })
  const open = useCallback(({ url }: { url: string }) => {
    // Asked for without an opener, the browser would not say whether it did.
    const tab = window.open(url, '_blank')
    if (tab === null) setRefused({ url, shown: true })
    else tab.opener = null
  }, [])
  // The link keeps its address: it is followed after it was pressed.
  const close = () => setRefused({ ...refused, shown: false })
  return (
    <TabContext value={open}>
      {children}
      <Modal opened={refused.shown} onClose={close} title={words.tab.title} centered closeButtonProps={{ 'aria-label': words.close }}>
        <Text size="sm" mb="md">
          {words.tab.text}
        </Text>
        <Button component="a" href={refused.url} target="_blank" rel="noopener" onClick={close}>
          {words.tab.open}
        </Button>
      </Modal>
    </TabContext>
  )
}
