/** Reads an export of a table with one row a device as candidates. */
import { hasIdForm } from '../../../core/ids.ts'
import { WrongUsage } from '../../failures.ts'
import { few, plain } from '../../words.ts'
import { type Candidate, idFrom, nameFrom, type Source } from '../candidate.ts'
import { mayBeValue, shown } from '../forms/names.ts'
import { type RecordOptions, type Row, readRecords } from '../forms/records.ts'
import { isEmptySession, loadSessionData } from './session-data.ts'

export interface Columns extends RecordOptions {
  readonly idColumn: string
  readonly nameColumn: string
  readonly serverColumn: string
  readonly sessionColumn: string
}

/** A table need not have columns of these names. Columns of other names were asked for. */
const USUAL = { nameColumn: 'device_name', serverColumn: 'assigned_server_id' } as const

const COLUMNS_TOLD_MAX = 40
const COLUMNS_KNOWN_MAX = 1000

export function devicesTable(file: string, columns: Columns): Source {
  return {
    kind: 'row',
    async *candidates() {
      const watch = watchColumns(file, columns)
      for await (const { at, row } of readRecords(file, columns)) {
        watch.see(row)
        yield candidate(row, at, columns)
      }
      watch.end()
    },
  }
}

/** JSON leaves out a column where it has no value, so a column is missing only when no row has it. The end of
 *  the file comes before anything is imported, because a plan is made of the whole file. */
function watchColumns(file: string, columns: Columns) {
  const needed: [column: string, option: string][] = [
    [columns.idColumn, '--id-column'],
    [columns.sessionColumn, '--session-column'],
  ]
  if (columns.nameColumn !== USUAL.nameColumn) needed.push([columns.nameColumn, '--name-column'])
  if (columns.serverColumn !== USUAL.serverColumn) needed.push([columns.serverColumn, '--server-column'])
  const seen = new Set<string>()
  let missing = needed
  let rows = 0
  return {
    see(row: Row): void {
      rows += 1
      if (missing.length === 0) return
      missing = missing.filter(([column]) => !Object.hasOwn(row, column))
      for (const column of Object.keys(row)) if (seen.size < COLUMNS_KNOWN_MAX) seen.add(column)
    },
    /** Call it after the last row.
     *  @throws WrongUsage when no row had a column that is needed */
    end(): void {
      const [first] = missing
      if (!first || rows === 0) return
      const there =
        few(
          [...seen].map((name) => shown(name)),
          COLUMNS_TOLD_MAX,
        ).join(', ') || 'none'
      throw new WrongUsage(`${plain(file)} has no column ${shown(first[0])}, only ${there}; see ${first[1]}.`)
    },
  }
}

function candidate(row: Row, at: string, columns: Columns): Candidate {
  const cell = (column: string) => (Object.hasOwn(row, column) ? row[column] : undefined)
  // A person may have named the column of the session data.
  const nameIn = (column: string) => withoutValue(textOf(cell(column)))
  const foreignId = nameIn(columns.idColumn)
  const { deviceId, notes } = idFrom(foreignId)
  const server = textOf(cell(columns.serverColumn))
  const isName = hasIdForm(server)
  const session = cell(columns.sessionColumn)
  return {
    from: at,
    deviceId,
    name: nameFrom(nameIn(columns.nameColumn), deviceId ?? foreignId),
    ...(isName ? { homeName: server } : {}),
    notes: [
      ...notes,
      ...(isName || server === '' ? [] : [`its server "${shown(server)}" cannot be a server name here`]),
    ],
    load: async () => {
      if (!deviceId) return { unusable: 'no device id can be made of its id: see --id-column' }
      return isEmptySession(session) ? { unlinked: true } : loadSessionData(deviceId, session)
    },
  }
}

function withoutValue(text: string): string {
  return mayBeValue(text) ? '' : text
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : ''
}
