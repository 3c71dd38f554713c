/** Remembers what the demo has started, so that it is ended however the demo ends. */

export interface Undo {
  /** @returns a function that ends it now; then it is not ended again */
  add(end: () => Promise<void>): () => Promise<void>
  /** Ends everything that is left, the latest first. An error does not stop it; the first error is thrown at
   *  the end. */
  all(): Promise<void>
}

export function makeUndo(): Undo {
  const ends: (() => Promise<void>)[] = []
  return {
    add(end) {
      let ended: Promise<void> | undefined
      const once = () => {
        ended ??= end()
        return ended
      }
      ends.push(once)
      return once
    },
    async all() {
      const errors: unknown[] = []
      for (const end of ends.splice(0).reverse()) await end().catch((error: unknown) => errors.push(error))
      if (errors.length > 0) throw errors[0]
    },
  }
}
