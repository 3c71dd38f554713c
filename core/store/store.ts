/** The store that Mooring decides with: single-item conditional writes and consistent reads, nothing else.
 *  Conditions are values, so that each reads as a sentence and the same one runs on DynamoDB and in a simulation. */

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
/** Of a table with several kinds of rows, the attributes of any of them. */
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
  /** Attributes to set. One that is `undefined` is left as it is. */
  readonly set?: { readonly [A in keyof Row]?: Row[A] | undefined }
  /** Numbers to add; an absent attribute counts as 0. */
  readonly add?: { readonly [A in keyof Row]?: number }
  readonly remove?: readonly Attribute<Row>[]
  /** All of these must hold. Without any, the update creates an item that is not there. */
  readonly when: readonly Condition<Row>[]
}

export interface Query<Row> {
  /** A name of `TABLES[table].indexes`; the table itself when left out. Index reads lag: they list candidates. */
  readonly index?: string
  readonly partition: string
  readonly sort?: {
    readonly from?: string | number
    readonly to?: string | number
    readonly beginsWith?: string
  }
  readonly filter?: readonly Condition<Row>[]
  readonly descending?: boolean
  /** Items read per call, at most; a filter can return fewer while `next` is set. */
  readonly limit?: number
  readonly after?: Record<string, string | number>
}

export interface ScanPart<Row> extends Pick<Query<Row>, 'filter' | 'limit' | 'after'> {
  readonly segment?: { readonly index: number; readonly of: number }
}

export interface Page<Row> {
  readonly rows: Row[]
  /** Hand this back as `after` to read on; absent at the end. */
  readonly next?: Record<string, string | number>
}

export interface Store {
  /** A consistent read. */
  get<T extends Table>(table: T, key: PrimaryKeys[T]): Promise<Rows[T] | undefined>
  /** Consistent reads of many items, in any order; those that do not exist are left out. */
  getMany<T extends Table>(table: T, keys: readonly PrimaryKeys[T][]): Promise<Rows[T][]>
  /** @returns false when the condition refused the write */
  put<T extends Table>(table: T, row: Rows[T], conditions?: readonly Condition<Rows[T]>[]): Promise<boolean>
  /** @returns the row after the write, or undefined when the condition refused it */
  update<T extends Table>(
    table: T,
    key: PrimaryKeys[T],
    change: Change<Rows[T]>,
  ): Promise<Rows[T] | undefined>
  /** @returns false when the condition refused it */
  remove<T extends Table>(
    table: T,
    key: PrimaryKeys[T],
    conditions?: readonly Condition<Rows[T]>[],
  ): Promise<boolean>
  query<T extends Table>(table: T, query: Query<Rows[T]>): Promise<Page<Rows[T]>>
  /** How many items a query would give, without handing them over. */
  count<T extends Table>(
    table: T,
    query: Omit<Query<Rows[T]>, 'limit' | 'after' | 'descending'>,
  ): Promise<number>
  /** A consistent read of a part of the table, in no order. `segment` is one of `of` slices of about equal size. */
  scan<T extends Table>(table: T, part?: ScanPart<Rows[T]>): Promise<Page<Rows[T]>>
}

/** Every row of a query, page after page, up to `rowsMax`.
 *  @throws RangeError when there are more: a bound that is met must be noticed, not cut silently. */
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
