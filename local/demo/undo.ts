/** What has been started and must be ended, whatever ends the demo. */

export interface Undo {
  /** @returns ends it now; then it is not ended again */
  add(end: () => Promise<void>): () => Promise<void>
  /** Ends what is left, the latest first. All are tried; the first error is thrown after that. */
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
