/** Reads an export of a table with one row a device as candidates. */
import { hasIdForm } from '../../../core/ids.ts'
import { WrongUsage } from '../../failures.ts'
import { type Candidate, digestOf, idFrom, type Loaded, nameFrom, type Source } from '../candidate.ts'
import { foreignKeys } from '../credentials/foreign-keys.ts'
import { judgeCredentials } from '../credentials/judge.ts'
import { parseForeign, reviveForeign } from '../forms/foreign-json.ts'
import { type Row, readRecords } from '../forms/records.ts'

export interface Columns {
  readonly idColumn: string
  readonly nameColumn: string
  readonly serverColumn: string
  readonly sessionColumn: string
}

export function devicesTable(file: string, columns: Columns): Source {
  return {
    kind: 'row',
    async *candidates() {
      let isFirst = true
      for await (const { at, row } of readRecords(file)) {
        if (isFirst && !(columns.idColumn in row)) {
          throw new WrongUsage(
            `${file} has no column ${columns.idColumn}, only ${Object.keys(row).join(', ')}; see --id-column.`,
          )
        }
        isFirst = false
        yield candidate(row, at, columns)
      }
    },
  }
}

function candidate(row: Row, at: string, columns: Columns): Candidate {
  const foreignId = textOf(row[columns.idColumn])
  const { deviceId, notes } = idFrom(foreignId)
  const server = textOf(row[columns.serverColumn])
  const isName = hasIdForm(server)
  const session = row[columns.sessionColumn]
  return {
    from: at,
    deviceId,
    name: nameFrom(textOf(row[columns.nameColumn]), deviceId ?? foreignId),
    ...(isName ? { homeName: server } : {}),
    notes: [
      ...notes,
      ...(isName || server === ''
        ? []
        : [`its server ${JSON.stringify(server)} cannot be a server name here`]),
    ],
    load: async () => load(deviceId, session),
  }
}

function load(deviceId: Candidate['deviceId'], session: unknown): Loaded {
  if (!deviceId) return { unusable: 'no device id can be made of its id' }
  if (isEmpty(session)) return { unlinked: true }
  try {
    const { creds, keys } = unfold(session) as { creds?: unknown; keys?: unknown }
    if (!creds) return { unusable: 'its session data holds no creds' }
    const sorted = foreignKeys(unfold(keys ?? {}))
    const judged = judgeCredentials(deviceId, unfold(creds), sorted.keys, sorted.leftOut)
    if ('unusable' in judged) return judged
    return { ...judged, digest: digestOf(typeof session === 'string' ? session : JSON.stringify(session)) }
  } catch (error) {
    return { unusable: `its session data cannot be read: ${error instanceof Error ? error.message : error}` }
  }
}

/** Reads JSON within JSON, as a text column may hold it. */
function unfold(value: unknown): unknown {
  const read = typeof value === 'string' ? parseForeign(value) : reviveForeign(value)
  return typeof read === 'string' ? parseForeign(read) : read
}

function isEmpty(session: unknown): boolean {
  if (session === null || session === undefined) return true
  return typeof session === 'string' && ['', 'null', '{}'].includes(session.trim())
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : ''
}
