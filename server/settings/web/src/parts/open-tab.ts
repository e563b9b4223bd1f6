/** Opens an address in a tab of its own: the frame of a CRM shows nothing but us, and consents are given outside of it. */
export function openTab(url: string): void {
  window.open(url, '_blank', 'noopener')
}
