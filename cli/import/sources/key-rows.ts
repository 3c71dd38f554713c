/** Reads an export of an SQL table with one row for each Signal key. */
import { WrongUsage } from '../../failures.ts'
import { plain } from '../../words.ts'
import type { Source } from '../candidate.ts'
import { type RecordOptions, type Row, readRecords } from '../forms/records.ts'
import { cellText, columnsOf, givenColumn, usualColumn } from './columns.ts'
import { groupedSource } from './grouped.ts'
import { type KeyRow, type StrayRow, sessionName, splitName, typed } from './key-row.ts'

export interface KeyColumns extends RecordOptions {
  readonly sessionColumn?: string
  readonly typeColumn?: string
  readonly keyColumn?: string
  readonly valueColumn?: string
  /** The id of the only device of the file. */
  readonly device?: string
}

interface Columns {
  /** Absent when the session is a part of the key's name, or when there is only one. */
  readonly session: string | undefined
  readonly type: string | undefined
  readonly key: string
  readonly value: string
}

export function keyRows(file: string, options: KeyColumns): Source {
  let hasSession = false
  return groupedSource({
    file,
    ...(options.device === undefined ? {} : { device: options.device }),
    sessionOption: '--session-column',
    howToSort: 'export it with ORDER BY the column of the session',
    nameOf: (session) => (hasSession ? session : sessionName(session, file)),
    async *rows() {
      let columns: Columns | undefined
      for await (const { at, row } of readRecords(file, options)) {
        columns ??= columnsIn(file, row, options)
        hasSession = columns.session !== undefined
        yield keyRow(at, row, columns)
      }
    },
  })
}

function columnsIn(file: string, row: Row, options: KeyColumns): Columns {
  const given = (column: string | undefined, option: string) =>
    column === undefined ? undefined : givenColumn(file, row, column, option)
  const must = (what: 'key' | 'value', column: string | undefined) => {
    const found = given(column, `--${what}-column`) ?? usualColumn(row, what)
    if (found !== undefined) return found
    throw new WrongUsage(
      `${plain(file)} has no column that is known to hold the ${what}, only ${columnsOf(row)}; ` +
        `name it by --${what}-column.`,
    )
  }
  return {
    session: given(options.sessionColumn, '--session-column') ?? usualColumn(row, 'session'),
    type: given(options.typeColumn, '--type-column') ?? usualColumn(row, 'type'),
    key: must('key', options.keyColumn),
    value: must('value', options.valueColumn),
  }
}

function keyRow(at: string, row: Row, columns: Columns): KeyRow | StrayRow {
  const key = cellText(row[columns.key])
  const type = columns.type === undefined ? '' : cellText(row[columns.type])
  const split = splitName(key) ?? splitName(typed(type, key))
  const value = row[columns.value]
  if (columns.session === undefined) {
    return split ? { at, ...split, value } : { at, stray: key || at }
  }
  const session = cellText(row[columns.session])
  if (session === '') return { at, stray: key || at }
  return split ? { at, session, name: split.name, value } : { at, session, name: key, value, unknown: true }
}
