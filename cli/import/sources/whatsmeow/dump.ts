/** Takes the rows of one device from a line of a dump, as psql writes it: one object a device, with a list
 *  for each table. */
import type { Row } from '../../forms/records.ts'
import {
  DEVICE_TABLES,
  type DeviceRows,
  type DeviceTable,
  LEFT_OUT_TABLES,
  type LeftOutTable,
} from './rows.ts'
import { type Fields, fieldsOf, listOf } from './values.ts'

/** @throws DamagedRow */
export function dumpedRows(row: Row): DeviceRows {
  const tableOf = (table: string) =>
    listOf(row[table], table).map((one) => fieldsOf(one, `a row of ${table}`))
  const pairs = tableOf('lid_map')
  return {
    device: fieldsOf(row.device, 'device'),
    tables: Object.fromEntries(
      Object.keys(DEVICE_TABLES).map((table) => [table, tableOf(table)]),
    ) as unknown as Record<DeviceTable, Fields[]>,
    pairsOf: (users) => pairs.filter(({ lid, pn }) => users.has(String(lid)) || users.has(String(pn))),
    leftOut: Object.fromEntries(
      (Object.keys(LEFT_OUT_TABLES) as LeftOutTable[]).map((table) => [table, countIn(row[table])]),
    ),
    untaken: countIn(row.event_buffer),
  }
}

/** A dump may hold the rows themselves, or only how many there are. */
function countIn(value: unknown): number {
  if (Array.isArray(value)) return value.length
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}
