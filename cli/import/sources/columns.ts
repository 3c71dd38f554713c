/** Finds the columns of a row, or the fields of a document, that hold session, key and value. Pure. */
import { WrongUsage } from '../../failures.ts'
import { few, plain } from '../../words.ts'
import { shown } from '../forms/names.ts'
import type { Row } from '../forms/records.ts'

const COLUMNS_SHOWN_MAX = 30

/** What other systems call them, without case and `_`. The first name that is there counts: `id` is often a
 *  mere number beside a `key`. */
export const USUAL = {
  session: [
    ...[
      'sessionid',
      'session',
      'sessionname',
      'instanceid',
      'instancename',
      'instance',
      'deviceid',
      'device',
    ],
    ...['clientid', 'accountid', 'connectionid', 'whatsappid', 'botid', 'businessid', 'userid', 'tenantid'],
  ],
  type: ['type', 'keytype', 'category'],
  key: ['key', 'keyname', 'sessionkey', 'datakey', 'authkey', 'filename', 'keyid', 'dataid', 'name', 'id'],
  value: ['value', 'data', 'keydata', 'keyvalue', 'datajson', 'json', 'content', 'payload'],
} as const

/** `id` comes before MongoDB's `_id`.
 *  @returns the first column with one of the usual names */
export function usualColumn(row: Row, what: keyof typeof USUAL): string | undefined {
  const columns = Object.keys(row).toSorted((one, other) => Number(one[0] === '_') - Number(other[0] === '_'))
  for (const usual of USUAL[what]) {
    const column = columns.find((name) => name.replaceAll(/^_+|_/g, '').toLowerCase() === usual)
    if (column !== undefined) return column
  }
  return undefined
}

/** @param given the column that a person has named
 *  @param option how a person names it
 *  @throws WrongUsage when there is no such column */
export function givenColumn(file: string, row: Row, given: string, option: string): string {
  if (Object.hasOwn(row, given)) return given
  throw new WrongUsage(`${plain(file)} has no column ${shown(given)}, only ${columnsOf(row)}; see ${option}.`)
}

/** The columns as a person may read them: they come from outside. */
export function columnsOf(row: Row): string {
  return few(
    Object.keys(row).map((name) => shown(name)),
    COLUMNS_SHOWN_MAX,
  ).join(', ')
}

/** A session may be a number in the other system. */
export function cellText(value: unknown): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : ''
}
