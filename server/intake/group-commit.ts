/**
 * Bodies that arrive together share one commit: while one transaction is under way the next ones gather, and go down
 * together in a single statement. Under load this trades a few milliseconds for several times the rate; idle, a body is
 * written at once.
 */

/**
 * @param write writes all items durably in one commit, or throws and has written none of them
 * @param limit the most items one commit may carry
 * @returns a function that resolves when the given items are durable and rejects with the error of `write` otherwise
 */
export function groupCommit<Item>(write: (items: Item[]) => Promise<void>, limit = 1000): (items: Item[]) => Promise<void> {
  let waiting: { items: Item[]; resolve: () => void; reject: (error: unknown) => void }[] = []
  let busy = false

  async function drain() {
    busy = true
    while (waiting.length > 0) {
      const group: typeof waiting = []
      const items: Item[] = []
      for (const entry of waiting) {
        if (group.length > 0 && items.length + entry.items.length > limit) break
        group.push(entry)
        items.push(...entry.items)
      }
      waiting = waiting.slice(group.length)
      try {
        await write(items)
        for (const entry of group) entry.resolve()
      } catch (error) {
        for (const entry of group) entry.reject(error)
      }
    }
    busy = false
  }

  return (items) =>
    new Promise((resolve, reject) => {
      waiting.push({ items, resolve, reject })
      if (!busy) void drain()
    })
}
