/** Orders work that overlaps: turns by key, a way to wait for all work under way, and saves that do not pile
 *  up. */

/** Runs work of the same key one after the other, in the order of the calls. Different keys do not wait for
 *  each other. */
export function createTurns() {
  const last = new Map<string, Promise<unknown>>()
  return {
    take<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
      const turn = (last.get(key) ?? Promise.resolve()).then(work)
      // The error belongs to the caller of this work, not to the next in turn.
      const ended = turn
        .catch(() => undefined)
        .then(() => {
          if (last.get(key) === ended) last.delete(key)
        })
      last.set(key, ended)
      return turn
    },
  }
}

/** Knows the work that is under way. */
export function createUnderWay() {
  const works = new Set<Promise<unknown>>()
  return {
    add<Result>(work: Promise<Result>): Promise<Result> {
      works.add(work)
      const gone = () => works.delete(work)
      work.then(gone, gone)
      return work
    },
    /** Resolves when nothing is under way, work that began meanwhile included. It never rejects. */
    async settled(): Promise<void> {
      while (works.size > 0) await Promise.allSettled(works)
    },
  }
}

/** Runs whole saves one after the other. A save takes what there is when it starts. A call while another save
 *  waits for its turn therefore shares that save. */
export function savesInOrder(save: () => Promise<void>): () => Promise<void> {
  let last: Promise<unknown> = Promise.resolve()
  let waiting: Promise<void> | undefined
  return () => {
    if (waiting) return waiting
    const next = last.then(() => {
      waiting = undefined
      return save()
    })
    waiting = next
    last = next.catch(() => undefined)
    return next
  }
}
