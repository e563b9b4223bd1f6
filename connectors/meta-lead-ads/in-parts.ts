/** Objects that one request may name (Graph API, batch requests); each counts as a call all the same. */
const MOST_IDS = 50

/** The ids, each once, in lists that one request can name. */
export function inParts(ids: readonly string[]): string[][] {
  const all = [...new Set(ids)]
  return Array.from({ length: Math.ceil(all.length / MOST_IDS) }, (_, n) => all.slice(n * MOST_IDS, (n + 1) * MOST_IDS))
}
