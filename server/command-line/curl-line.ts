import type { WebhookAddress } from '../settings/webhook-connection.ts'

/** The example request as a line for a POSIX shell; undefined where there is none. */
export function curlLine({ address, example }: WebhookAddress): string | undefined {
  if (example === undefined) return undefined
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const headers = Object.entries(example.headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`)
  return ['curl', '-X POST', quote(address), ...headers, '-d', quote(example.body)].join(' ')
}
