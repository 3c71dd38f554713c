/** The cache of one epoch: the items that were used last, in memory, up to a number of characters. */

export interface RecentlyUsed {
  /** @returns undefined when the item is not cached. A cached item may be known to be empty */
  get(key: string): { readonly value: string | undefined } | undefined
  keep(key: string, value: string | undefined): void
  forget(key: string): void
  clear(): void
}

export function recentlyUsed(charactersMax: number): RecentlyUsed {
  // A Map lists its keys in the order of insertion, so the first key was unused for longest.
  const kept = new Map<string, { readonly value: string | undefined }>()
  let characters = 0
  const size = (key: string, value: string | undefined) => key.length + (value?.length ?? 0)

  const forget = (key: string) => {
    const entry = kept.get(key)
    if (!entry) return
    kept.delete(key)
    characters -= size(key, entry.value)
  }
  return {
    get(key) {
      const entry = kept.get(key)
      if (!entry) return undefined
      kept.delete(key)
      kept.set(key, entry)
      return entry
    },
    keep(key, value) {
      forget(key)
      kept.set(key, { value })
      characters += size(key, value)
      for (const oldest of kept.keys()) {
        if (characters <= charactersMax) break
        forget(oldest)
      }
    },
    forget,
    clear() {
      kept.clear()
      characters = 0
    },
  }
}
