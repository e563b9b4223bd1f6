/** Where a request waits until the test lets it go on. */
export interface Door {
  /** For whoever comes: resolves when the door is open. */
  pass(): Promise<void>
  /** Resolves when somebody has come. */
  came: Promise<void>
  open(): void
}

/** A closed one; it stays open once it is. */
export function createDoor(): Door {
  const came = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  return {
    pass() {
      came.resolve()
      return opened.promise
    },
    came: came.promise,
    open: opened.resolve,
  }
}
