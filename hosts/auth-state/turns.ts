/** Order for work that overlaps: on one item in turns, and a way to wait for all of it. */

/** Runs works of the same key one after the other, in the order of asking; different keys do not wait for each other. */
export function createTurns() {
  const last = new Map<string, Promise<unknown>>()
  return {
    take<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
      const turn = (last.get(key) ?? Promise.resolve()).then(work)
      // an error belongs to who asked for this work, not to the next in turn
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
    /** Resolves when nothing is under way, what was begun meanwhile included. It never rejects. */
    async settled(): Promise<void> {
      while (works.size > 0) await Promise.allSettled(works)
    },
  }
}

/** Whole saves, one after the other. A save asked for while another waits for its turn is the same save: it takes what
 *  there is to save when it starts. */
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
