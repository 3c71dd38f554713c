/** Stores that fail, lose answers, or are overtaken, as a test says. */
import type { Change, Rows, Store, Table } from '../../core/store/store.ts'

/** A store that loses each first answer, so that the SDK sends each update a second time. */
export function losingAnswers(store: Store): Store {
  return {
    ...store,
    async update(table, key, change) {
      await store.update(table, key, change)
      return store.update(table, key, change)
    },
  }
}

/** A store that fails every call, or a number of calls, once it is cut. */
export function cuttable(store: Store): Store & { cut(calls?: number): void; mend(): void } {
  let callsCut = 0
  const reach = (): Store => {
    if (callsCut-- > 0) throw new Error('the store cannot be reached')
    return store
  }
  return {
    get: async (table, key) => reach().get(table, key),
    getMany: async (table, keys) => reach().getMany(table, keys),
    put: async (table, row, conditions) => reach().put(table, row, conditions),
    update: async (table, key, change) => reach().update(table, key, change),
    remove: async (table, key, conditions) => reach().remove(table, key, conditions),
    query: async (table, query) => reach().query(table, query),
    count: async (table, query) => reach().count(table, query),
    scan: async (table, part) => reach().scan(table, part),
    cut: (calls = Number.POSITIVE_INFINITY) => {
      callsCut = calls
    },
    mend: () => {
      callsCut = 0
    },
  }
}

/** A store that runs `before` right before each update of `table`: another process acts in between. */
export function interrupted<T extends Table>(
  store: Store,
  table: T,
  before: (change: Change<Rows[T]>) => Promise<void>,
): Store {
  return {
    ...store,
    async update(at, key, change) {
      if ((at as Table) === table) await before(change as unknown as Change<Rows[T]>)
      return store.update(at, key, change)
    },
  }
}

/** For `interrupted`: acts before the update of that number alone, counted from 1. */
export function onTurn(turn: number, act: () => Promise<unknown>): () => Promise<void> {
  let turns = 0
  return async () => {
    turns += 1
    if (turns === turn) await act()
  }
}
