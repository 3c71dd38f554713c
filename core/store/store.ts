/** The store: consistent reads and conditional writes of single rows, and nothing else. Every part that
 *  decides or records calls it; aws/dynamodb-store.ts has it on DynamoDB, the simulation in memory.
 *  Conditions are values, so that the same one runs on both and reads as a sentence. There are no
 *  transactions: a decision must fit into one row. */

import type { KeyRow } from './api-key-row.ts'
import type { AuthItem } from './auth-item-row.ts'
import type { DeviceRow } from './device-row.ts'
import type { HistoryRow } from './history-row.ts'
import type { OperationItem } from './operation-row.ts'
import type { ServerItem } from './server-row.ts'

export interface Rows {
  Devices: DeviceRow
  Servers: ServerItem
  AuthState: AuthItem
  History: HistoryRow
  Operations: OperationItem
  Keys: KeyRow
}
export type Table = keyof Rows

/** The attributes that name one row of each table. */
export interface PrimaryKeys {
  Devices: Pick<DeviceRow, 'deviceId'>
  Servers: Pick<ServerItem, 'serverId'>
  AuthState: Pick<AuthItem, 'deviceId' | 'key'>
  History: Pick<HistoryRow, 'deviceId' | 'at'>
  Operations: Pick<OperationItem, 'operationId'>
  Keys: Pick<KeyRow, 'keyId'>
}

type Comparable = string | number | boolean
/** The attributes of a row. In a table with several kinds of rows: the attributes of every kind. */
type Attribute<Row> = [Row] extends [never] ? string : Row extends unknown ? keyof Row & string : never

export type Condition<Row> =
  | { readonly is: 'absent' | 'present'; readonly attribute: Attribute<Row> }
  | {
      readonly is: 'equals' | 'differs' | 'atMost' | 'atLeast'
      readonly attribute: Attribute<Row>
      readonly value: Comparable
    }
  | { readonly is: 'any'; readonly of: readonly Condition<Row>[] }

/** The conditions of one row type: `const device = when<DeviceRow>()`, then `device.absent('owner')`. */
export function when<Row>() {
  return {
    absent: (attribute: Attribute<Row>): Condition<Row> => ({ is: 'absent', attribute }),
    present: (attribute: Attribute<Row>): Condition<Row> => ({ is: 'present', attribute }),
    equals: (attribute: Attribute<Row>, value: Comparable): Condition<Row> => ({
      is: 'equals',
      attribute,
      value,
    }),
    differs: (attribute: Attribute<Row>, value: Comparable): Condition<Row> => ({
      is: 'differs',
      attribute,
      value,
    }),
    atMost: (attribute: Attribute<Row>, value: Comparable): Condition<Row> => ({
      is: 'atMost',
      attribute,
      value,
    }),
    atLeast: (attribute: Attribute<Row>, value: Comparable): Condition<Row> => ({
      is: 'atLeast',
      attribute,
      value,
    }),
    any: (...of: Condition<Row>[]): Condition<Row> => ({ is: 'any', of }),
  }
}

export interface Change<Row> {
  /** Attributes to set. An attribute with the value `undefined` keeps its stored value. */
  readonly set?: { readonly [A in keyof Row]?: Row[A] | undefined }
  /** Numbers to add. An absent attribute counts as 0. */
  readonly add?: { readonly [A in keyof Row]?: number }
  readonly remove?: readonly Attribute<Row>[]
  /** All of these must hold. Without conditions the update creates a row that does not exist. */
  readonly when: readonly Condition<Row>[]
}

export interface Query<Row> {
  /** A name of `TABLES[table].indexes`. Left out, the table itself is read. Reads of an index lag, so they
   *  only list candidates. */
  readonly index?: string
  readonly partition: string
  readonly sort?: {
    readonly from?: string | number
    readonly to?: string | number
    readonly beginsWith?: string
  }
  readonly filter?: readonly Condition<Row>[]
  readonly descending?: boolean
  /** The most items read per call. With a filter a page can have fewer rows and still have a `next`. */
  readonly limit?: number
  readonly after?: Record<string, string | number>
}

export interface ScanPart<Row> extends Pick<Query<Row>, 'filter' | 'limit' | 'after'> {
  readonly segment?: { readonly index: number; readonly of: number }
}

export interface Page<Row> {
  readonly rows: Row[]
  /** Pass this as `after` to read on. Absent at the end. */
  readonly next?: Record<string, string | number>
}

export interface Store {
  /** A consistent read. */
  get<T extends Table>(table: T, key: PrimaryKeys[T]): Promise<Rows[T] | undefined>
  /** Consistent reads of many rows, in any order. A row that does not exist is left out. */
  getMany<T extends Table>(table: T, keys: readonly PrimaryKeys[T][]): Promise<Rows[T][]>
  /** @returns false when the condition refused the write */
  put<T extends Table>(table: T, row: Rows[T], conditions?: readonly Condition<Rows[T]>[]): Promise<boolean>
  /** @returns the row after the write, or undefined when the condition refused it */
  update<T extends Table>(
    table: T,
    key: PrimaryKeys[T],
    change: Change<Rows[T]>,
  ): Promise<Rows[T] | undefined>
  /** @returns false when the condition refused the removal */
  remove<T extends Table>(
    table: T,
    key: PrimaryKeys[T],
    conditions?: readonly Condition<Rows[T]>[],
  ): Promise<boolean>
  query<T extends Table>(table: T, query: Query<Rows[T]>): Promise<Page<Rows[T]>>
  /** How many rows a query would return. */
  count<T extends Table>(
    table: T,
    query: Omit<Query<Rows[T]>, 'limit' | 'after' | 'descending'>,
  ): Promise<number>
  /** A consistent read of a part of the table, in no order. `segment` names one of `of` slices of about
   *  equal size. */
  scan<T extends Table>(table: T, part?: ScanPart<Rows[T]>): Promise<Page<Rows[T]>>
}

/** Every row of a query, page after page, up to `rowsMax`.
 *  @throws RangeError when there are more: a list that ends at its bound must not look complete */
export async function queryAll<T extends Table>(
  store: Store,
  table: T,
  query: Query<Rows[T]>,
  rowsMax = 100_000,
): Promise<Rows[T][]> {
  return collect((after) => store.query(table, after ? { ...query, after } : query), rowsMax)
}

/** Every row of a table, or of one segment of it, by consistent reads.
 *  @throws RangeError when there are more than `rowsMax` */
export async function scanAll<T extends Table>(
  store: Store,
  table: T,
  part: ScanPart<Rows[T]> = {},
  rowsMax = 100_000,
): Promise<Rows[T][]> {
  return collect((after) => store.scan(table, after ? { ...part, after } : part), rowsMax)
}

async function collect<Row>(
  read: (after: Page<Row>['next']) => Promise<Page<Row>>,
  rowsMax: number,
): Promise<Row[]> {
  const rows: Row[] = []
  let after: Page<Row>['next']
  do {
    const page = await read(after)
    rows.push(...page.rows)
    if (rows.length > rowsMax) throw new RangeError(`more than ${rowsMax} rows`)
    after = page.next
  } while (after)
  return rows
}
