/** From the address or the document that the page was opened with to a bearer. */
import { change, type Opened, sessionOfTab } from './client.ts'

/** What a CRM that opened the page has put into the document; it is taken out, so that nothing else reads it. */
function fromDocument(): Opened | undefined {
  const block = document.getElementById('session')
  block?.remove()
  return block?.textContent ? (JSON.parse(block.textContent) as Opened) : undefined
}

/** Undefined: somebody has to sign in first. Throws `ApiError` where a sign-in came to nothing. */
export async function openSession(): Promise<Opened | undefined> {
  const opened = fromDocument()
  if (opened !== undefined) return opened
  const code = new URLSearchParams(window.location.hash.slice(1)).get('code')
  if (code === null) return sessionOfTab()
  // A code is good once; it stays in no history.
  window.history.replaceState(null, '', window.location.pathname)
  return change<Opened>('POST', '/session', { code })
}
