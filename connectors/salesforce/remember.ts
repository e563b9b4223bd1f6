import type { CrmClient } from '../connector.ts'

const KEEP_MS = 300_000

/** With the client, so that it ends with the connection. A hint that spares requests, never the truth. */
const known = new WeakMap<CrmClient, Map<string, { until: number; value: Promise<unknown> }>>()

/**
 * Something of an org's set-up that hardly ever changes: read once, and then known for five minutes to all that works for the
 * same connection. What could not be read is not remembered.
 * @param name names what is read, and all that it depends on
 */
export function remembered<T>(client: CrmClient, name: string, read: () => Promise<T>): Promise<T> {
  const now = performance.now()
  const entries = known.get(client) ?? new Map<string, { until: number; value: Promise<unknown> }>()
  known.set(client, entries)
  for (const [key, { until }] of entries) if (until <= now) entries.delete(key)
  const entry = entries.get(name)
  if (entry !== undefined) return entry.value as Promise<T>
  const value = read()
  entries.set(name, { until: now + KEEP_MS, value })
  value.catch(() => entries.delete(name))
  return value
}

/** Reads all of it anew next time: the org turned out to be different. */
export const forget = (client: CrmClient): void => void known.delete(client)
