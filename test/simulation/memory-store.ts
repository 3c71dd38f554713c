/** Tables in memory that behave as DynamoDB does. Every write of one item is atomic, and reads of items
 *  are consistent. Reads of an index show each item as it was some time ago. The judge sees every write at
 *  the instant at which it is applied. */
import type {
  Change,
  Condition,
  Page,
  PrimaryKeys,
  Query,
  Rows,
  ScanPart,
  Store,
  Table,
} from '../../core/store/store.ts'
import { type IndexDefinition, TABLES, type TableDefinition } from '../../core/store/tables.ts'

/** DynamoDB ends a page at 1 MB. */
const PAGE_CHARACTERS_MAX = 1_000_000
/** The size of an item without a long value. */
const ITEM_CHARACTERS = 500

export type Row = Readonly<Record<string, unknown>>

export interface Write {
  readonly table: Table
  readonly before: Row | undefined
  readonly after: Row | undefined
  readonly by: string
}

export interface MemoryOptions {
  /** True virtual time. */
  nowMs(): number
  /** The time that a write needs to reach the indexes. */
  lagMs(): number
  written(write: Write): void
}

/** The work of a request at the instant at which the store takes it up. `by` names its sender. */
export interface Memory {
  get<T extends Table>(table: T, key: PrimaryKeys[T]): Rows[T] | undefined
  put<T extends Table>(table: T, row: Rows[T], conditions: readonly Condition<Rows[T]>[], by: string): boolean
  update<T extends Table>(
    table: T,
    key: PrimaryKeys[T],
    change: Change<Rows[T]>,
    by: string,
  ): Rows[T] | undefined
  remove<T extends Table>(
    table: T,
    key: PrimaryKeys[T],
    conditions: readonly Condition<Rows[T]>[],
    by: string,
  ): boolean
  query<T extends Table>(table: T, query: Query<Rows[T]>): Page<Rows[T]>
  scan<T extends Table>(table: T, part: ScanPart<Rows[T]>): Page<Rows[T]>
  /** Every row of a table, for the judge. */
  rows<T extends Table>(table: T): Rows[T][]
}

/** An item, and its versions as the indexes will see them: in the order of its writes, each some time
 *  later. */
interface Item {
  row: Row | undefined
  readonly key: Row
  views: { visibleMs: number; row: Row | undefined }[]
}

export function createMemory(options: MemoryOptions): Memory {
  const tables = new Map<Table, Map<string, Item>>()
  const tableOf = (table: Table) => {
    const items = tables.get(table) ?? new Map<string, Item>()
    tables.set(table, items)
    return items
  }

  function write(table: Table, key: Row, after: Row | undefined, by: string): void {
    const items = tableOf(table)
    const id = identity(table, key)
    const item = items.get(id) ?? { row: undefined, key: pickKey(table, key), views: [] }
    const before = item.row
    item.row = after
    if (Object.keys(TABLES[table].indexes).length > 0) showLater(item, after)
    items.set(id, item)
    options.written({ table, before, after, by })
  }

  function showLater(item: Item, row: Row | undefined): void {
    const now = options.nowMs()
    const last = item.views.at(-1)?.visibleMs ?? 0
    const old = item.views.findLastIndex((view) => view.visibleMs <= now)
    item.views = [
      ...item.views.slice(Math.max(0, old)),
      { visibleMs: Math.max(last, now + options.lagMs()), row },
    ]
  }

  function asIndexed(item: Item): Row | undefined {
    const now = options.nowMs()
    return item.views.findLast((view) => view.visibleMs <= now)?.row
  }

  const read = (table: Table, key: Row) => tableOf(table).get(identity(table, key))?.row

  return {
    get: <T extends Table>(table: T, key: PrimaryKeys[T]) => read(table, key as Row) as Rows[T] | undefined,

    put(table, row, conditions, by) {
      const key = row as unknown as Row
      if (!holds(read(table, key), conditions)) return false
      write(table, key, Object.fromEntries(Object.entries(row).filter(([, v]) => v !== undefined)), by)
      return true
    },

    update<T extends Table>(table: T, key: PrimaryKeys[T], change: Change<Rows[T]>, by: string) {
      const before = read(table, key as Row)
      if (!holds(before, change.when)) return undefined
      const after: Record<string, unknown> = { ...(before ?? pickKey(table, key as Row)) }
      for (const [name, value] of Object.entries(change.set ?? {}))
        if (value !== undefined) after[name] = value
      for (const [name, by] of Object.entries(change.add ?? {})) {
        after[name] = ((after[name] as number | undefined) ?? 0) + (by as number)
      }
      for (const name of change.remove ?? []) delete after[name]
      write(table, after, after, by)
      return after as unknown as Rows[T]
    },

    remove(table, key, conditions, by) {
      const before = read(table, key as Row)
      if (!holds(before, conditions)) return false
      if (before) write(table, key as Row, undefined, by)
      return true
    },

    query<T extends Table>(table: T, query: Query<Rows[T]>) {
      const keys = query.index === undefined ? TABLES[table] : indexOf(table, query.index)
      const partition = keys.partitionKey.name
      const sort = 'sortKey' in keys ? keys.sortKey?.name : undefined
      const found: Row[] = []
      for (const item of tableOf(table).values()) {
        const row = query.index === undefined ? item.row : asIndexed(item)
        if (row && row[partition] === query.partition && isWithin(sort && row[sort], query.sort))
          found.push(row)
      }
      const order = (row: Row) => [sort && row[sort], identity(table, row)] as const
      found.sort((one, other) => compare(order(one), order(other)) * (query.descending ? -1 : 1))
      const projection = 'projection' in keys ? keys.projection : 'all'
      const page = pageOf<T>(table, found, query, partition, sort)
      if (projection === 'all') return page
      const names = [...Object.keys(pickKey(table, found[0] ?? {})), partition, ...projection]
      return {
        ...page,
        rows: page.rows.map((row) => pick(row as unknown as Row, names) as unknown as Rows[T]),
      }
    },

    scan<T extends Table>(table: T, { segment, ...part }: ScanPart<Rows[T]>) {
      const rows = [...tableOf(table).entries()].flatMap(([id, { row }]) =>
        row && (!segment || segmentOf(id, segment.of) === segment.index) ? [row] : [],
      )
      return pageOf<T>(table, rows, part)
    },

    rows: <T extends Table>(table: T) =>
      [...tableOf(table).values()].flatMap(({ row }) => (row ? [row as unknown as Rows[T]] : [])),
  }
}

/** The tables as a store without any delay, for the contract suite. */
export function storeOn(memory: Memory, by = 'test'): Store {
  return {
    get: async (table, key) => memory.get(table, key),
    getMany: async (table, keys) => keys.flatMap((key) => memory.get(table, key) ?? []),
    put: async (table, row, conditions = []) => memory.put(table, row, conditions, by),
    update: async (table, key, change) => memory.update(table, key, change, by),
    remove: async (table, key, conditions = []) => memory.remove(table, key, conditions, by),
    query: async (table, query) => memory.query(table, query),
    count: async (table, query) => countOn(memory, table, query),
    scan: async (table, part = {}) => memory.scan(table, part),
  }
}

export function countOn<T extends Table>(memory: Memory, table: T, query: Query<Rows[T]>): number {
  let counted = 0
  let after: Page<Rows[T]>['next']
  do {
    const page = memory.query(table, after ? { ...query, after } : query)
    counted += page.rows.length
    after = page.next
  } while (after)
  return counted
}

export function holds(row: Row | undefined, conditions: readonly Condition<never>[]): boolean {
  return conditions.every((condition) => isTrue(row ?? {}, condition))
}

function isTrue(row: Row, condition: Condition<never>): boolean {
  if (condition.is === 'any') return condition.of.some((one) => isTrue(row, one))
  const value = row[condition.attribute]
  switch (condition.is) {
    case 'absent':
      return value === undefined
    case 'present':
      return value !== undefined
    case 'equals':
      return value === condition.value
    case 'differs':
      return value !== condition.value
    case 'atMost':
      return typeof value === typeof condition.value && (value as number) <= (condition.value as number)
    case 'atLeast':
      return typeof value === typeof condition.value && (value as number) >= (condition.value as number)
  }
}

function keyNames(table: Table): string[] {
  const { partitionKey, sortKey }: TableDefinition = TABLES[table]
  return sortKey ? [partitionKey.name, sortKey.name] : [partitionKey.name]
}

function pickKey(table: Table, row: Row): Row {
  return pick(row, keyNames(table))
}

function pick(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.flatMap((name) => (name in row ? [[name, row[name]]] : [])))
}

function identity(table: Table, row: Row): string {
  return keyNames(table)
    .map((name) => row[name])
    .join('\n')
}

function indexOf(table: Table, name: string): IndexDefinition {
  const index = (TABLES[table].indexes as Readonly<Record<string, IndexDefinition>>)[name]
  if (!index) throw new Error(`table ${table} has no index ${name}`)
  return index
}

function segmentOf(id: string, of: number): number {
  let hash = 0
  for (let at = 0; at < id.length; at++) hash = (Math.imul(hash, 31) + id.charCodeAt(at)) >>> 0
  return hash % of
}

function isWithin(value: unknown, sort: Query<unknown>['sort']): boolean {
  if (!sort) return true
  if (sort.beginsWith !== undefined) return String(value).startsWith(sort.beginsWith)
  const least = sort.from === undefined || (value as string) >= (sort.from as string)
  return least && (sort.to === undefined || (value as string) <= (sort.to as string))
}

function compare(one: readonly unknown[], other: readonly unknown[]): number {
  for (let at = 0; at < one.length; at++) {
    const [a, b] = [one[at] as string, other[at] as string]
    if (a !== b) return a < b ? -1 : 1
  }
  return 0
}

/** `limit` counts the items that were read. A filter removes some of them afterwards. */
function pageOf<T extends Table>(
  table: T,
  rows: readonly Row[],
  { filter = [], limit, after }: Pick<Query<Rows[T]>, 'filter' | 'limit' | 'after'>,
  ...further: readonly (string | undefined)[]
): Page<Rows[T]> {
  const begun = after ? rows.findIndex((row) => identity(table, row) === identity(table, after)) + 1 : 0
  const read: Row[] = []
  let characters = 0
  for (const row of rows.slice(begun)) {
    if (read.length === limit || characters > PAGE_CHARACTERS_MAX) break
    read.push(row)
    characters += typeof row.value === 'string' ? row.value.length : ITEM_CHARACTERS
  }
  const found = read.filter((row) => holds(row, filter)) as unknown as Rows[T][]
  const last = read.at(-1)
  if (!last || begun + read.length >= rows.length) return { rows: found }
  const names = [...keyNames(table), ...further.filter((name) => name !== undefined)]
  return { rows: found, next: pick(last, names) as Record<string, string | number> }
}
