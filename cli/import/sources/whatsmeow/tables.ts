/** Reads the rows of whatsmeow's devices from an open SQLite database. Rows and values have limits, because a
 *  device is held in memory as a whole. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import {
  DEVICE_TABLES,
  type DeviceRows,
  type DeviceTable,
  LEFT_OUT_TABLES,
  type LeftOutTable,
} from './rows.ts'
import { NoDatabase } from './sqlite-file.ts'
import type { Fields } from './values.ts'

/** A large account has some 20,000 values of app state, and fewer of all else. */
const ROWS_MAX = 200_000
/** A session with all its 40 earlier states has some 60 KB. */
const VALUE_BYTES_MAX = 1_000_000
const DEVICES_MAX = 100_000

const PREFIX = 'whatsmeow_'
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  device: [
    'jid',
    'registration_id',
    'noise_key',
    'identity_key',
    'signed_pre_key',
    'signed_pre_key_id',
    'signed_pre_key_sig',
    'adv_key',
    'adv_details',
    'adv_account_sig',
    'adv_account_sig_key',
    'adv_device_sig',
  ],
  lid_map: ['lid', 'pn'],
  ...Object.fromEntries(
    Object.entries(DEVICE_TABLES).map(([table, { owner, columns }]) => [table, [owner, ...columns]]),
  ),
}
/** Columns of `whatsmeow_device` that older schemas lack. */
const OTHERS = ['lid', 'platform', 'business_name', 'push_name', 'facebook_uuid'] as const

export interface Tables {
  /** The jids of all devices, in order. */
  jids(): string[]
  rowsOf(jid: string): DeviceRows | undefined
}

/** @throws NoDatabase when the tables are not whatsmeow's */
export function whatsmeowTables(database: DatabaseSync): Tables {
  const columns = columnsOf(database)
  if (!columns.has('device')) throw new NoDatabase(`has no table ${PREFIX}device, ${tableNames(database)}`)
  for (const [table, needed] of Object.entries(NEEDED)) {
    const there = columns.get(table)
    const missing = needed.find((column) => there && !there.includes(column))
    if (missing) {
      throw new NoDatabase(`has no column ${missing} in ${PREFIX}${table}, only ${there?.join(', ')}`)
    }
  }
  const all = (sql: string, ...values: SQLInputValue[]) => rowsOfQuery(database, sql, values)
  const jidsQuery = `SELECT jid FROM ${PREFIX}device WHERE typeof(jid) = 'text' ORDER BY jid`
  return {
    jids: () => all(`${jidsQuery} LIMIT ${DEVICES_MAX}`).map(({ jid }) => String(jid)),
    rowsOf(jid) {
      const others = OTHERS.filter((column) => columns.get('device')?.includes(column))
      const wanted = [...(NEEDED.device ?? []), ...others].map(limited).join(', ')
      const [device] = all(`SELECT ${wanted} FROM ${PREFIX}device WHERE jid = ?`, jid)
      if (!device) return undefined
      return {
        device,
        tables: Object.fromEntries(
          Object.entries(DEVICE_TABLES).map(([table, { owner, columns: mapped }]) => [
            table,
            columns.has(table) ? rowsOfTable(database, table, owner, mapped, jid) : [],
          ]),
        ) as unknown as Record<DeviceTable, Fields[]>,
        pairsOf: (users) => (columns.has('lid_map') ? pairsOf(database, users) : []),
        leftOut: countsOf(database, columns, jid),
        untaken: countOf(database, columns, 'event_buffer', jid, 'AND plaintext IS NOT NULL'),
      }
    },
  }
}

/** Views are left out: a query of a foreign database could run without an end. */
function columnsOf(database: DatabaseSync): Map<string, string[]> {
  const query = `SELECT substr(t.name, ${PREFIX.length + 1}) AS "table", c.name AS "column"
    FROM pragma_table_list AS t JOIN pragma_table_xinfo(t.name) AS c
    WHERE t.type = 'table' AND t.schema = 'main' AND t.name LIKE '${PREFIX}%'`
  const found = Map.groupBy(rowsOfQuery(database, query, []), (row) => String(row.table))
  return new Map([...found].map(([table, rows]) => [table, rows.map((row) => String(row.column))]))
}

function tableNames(database: DatabaseSync): string {
  const query = `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name LIMIT 20`
  const names = rowsOfQuery(database, query, []).map(({ name }) => String(name))
  return names.length === 0 ? 'and no other table' : `only ${names.join(', ')}`
}

function rowsOfTable(
  database: DatabaseSync,
  table: string,
  owner: string,
  columns: readonly string[],
  jid: string,
): Fields[] {
  const query = `SELECT ${columns.map(limited).join(', ')} FROM ${PREFIX}${table} WHERE ${owner} = ?`
  const rows = rowsOfQuery(database, `${query} LIMIT ${ROWS_MAX + 1}`, [jid])
  if (rows.length > ROWS_MAX) throw new NoDatabase(`has more than ${ROWS_MAX} rows of one device in ${table}`)
  return rows
}

/** A larger value is read as absent. */
function limited(column: string): string {
  return `CASE WHEN length(${column}) <= ${VALUE_BYTES_MAX} THEN ${column} END AS ${column}`
}

function pairsOf(database: DatabaseSync, users: ReadonlySet<string>): Fields[] {
  const query = database.prepare(`SELECT lid, pn FROM ${PREFIX}lid_map WHERE lid = ? OR pn = ? LIMIT 2`)
  return [...users].flatMap((user) => query.all(user, user) as Fields[])
}

function countsOf(database: DatabaseSync, columns: ReadonlyMap<string, readonly string[]>, jid: string) {
  return Object.fromEntries(
    (Object.keys(LEFT_OUT_TABLES) as LeftOutTable[]).map((table) => [
      table,
      countOf(database, columns, table, jid),
    ]),
  )
}

function countOf(
  database: DatabaseSync,
  columns: ReadonlyMap<string, readonly string[]>,
  table: string,
  jid: string,
  besides = '',
): number {
  if (!columns.get(table)?.includes('our_jid')) return 0
  const query = `SELECT count(*) AS count FROM ${PREFIX}${table} WHERE our_jid = ? ${besides}`
  return Number(rowsOfQuery(database, query, [jid])[0]?.count ?? 0)
}

/** Whole numbers come as bigint, since SQLite's may be larger than a number holds. */
function rowsOfQuery(database: DatabaseSync, sql: string, values: readonly SQLInputValue[]): Fields[] {
  const query = database.prepare(sql)
  query.setReadBigInts(true)
  return query.all(...values) as Fields[]
}
