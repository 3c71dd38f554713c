/** Reads an export of a PostgreSQL table as candidates: a CSV file with a header, or JSON with one object a
 *  line. */
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { hasIdForm } from '../../core/ids.ts'
import type { KeysByType } from '../../hosts/auth-state/whole-state.ts'
import { WrongUsage } from '../failures.ts'
import { type Candidate, digestOf, idFrom, type Loaded, nameFrom, type Source } from './candidate.ts'
import { judgeCredentials } from './credentials.ts'
import { parseForeign, reviveForeign } from './foreign-json.ts'

export interface Columns {
  readonly idColumn: string
  readonly nameColumn: string
  readonly serverColumn: string
  readonly sessionColumn: string
}

type Row = Readonly<Record<string, unknown>>

/** A device's session data is some 200 KB; a hundred times that is no device. */
const RECORD_CHARACTERS_MAX = 20_000_000
/** The names of keys in useSingleFileAuthState of older Baileys. */
const OLDER_TYPES: Readonly<Record<string, string>> = {
  preKeys: 'pre-key',
  sessions: 'session',
  senderKeys: 'sender-key',
  senderKeyMemory: 'sender-key-memory',
  appStateSyncKeys: 'app-state-sync-key',
  appStateVersions: 'app-state-sync-version',
}

export function rows(file: string, columns: Columns): Source {
  return {
    kind: 'row',
    async *candidates() {
      let count = 0
      for await (const row of readRows(file)) {
        count += 1
        if (count === 1 && !(columns.idColumn in row)) {
          throw new WrongUsage(
            `${file} has no column ${columns.idColumn}, only ${Object.keys(row).join(', ')}; see --id-column.`,
          )
        }
        yield candidate(row, count, columns)
      }
    },
  }
}

async function* readRows(file: string): AsyncGenerator<Row> {
  const handle = await open(file).catch((error: Error) => {
    throw new WrongUsage(`${file} cannot be read: ${error.message}.`)
  })
  try {
    if (!(await handle.stat()).isFile()) throw new WrongUsage(`${file} is not a file.`)
    if (/\.(jsonl|ndjson|json)$/i.test(file)) yield* jsonLines(handle)
    else yield* csvRows(handle)
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new WrongUsage(`${file} cannot be read: ${error.code}.`)
  } finally {
    await handle.close()
  }
}

async function* csvRows(handle: FileHandle): AsyncGenerator<Row> {
  const parser = parse({ columns: true, bom: true, max_record_size: RECORD_CHARACTERS_MAX })
  const input = handle.createReadStream({ encoding: 'utf8', autoClose: false })
  // An error of either stream is thrown where the rows are read.
  pipeline(input, parser, () => undefined)
  yield* parser
}

async function* jsonLines(handle: FileHandle): AsyncGenerator<Row> {
  let count = 0
  for await (const line of handle.readLines({ encoding: 'utf8', autoClose: false })) {
    count += 1
    if (line.trim() === '') continue
    let row: unknown
    try {
      row = JSON.parse(line)
    } catch {
      row = undefined
    }
    if (typeof row !== 'object' || row === null) throw new WrongUsage(`Line ${count} is no JSON object.`)
    yield row as Row
  }
}

function candidate(row: Row, count: number, columns: Columns): Candidate {
  const foreignId = textOf(row[columns.idColumn])
  const { deviceId, notes } = idFrom(foreignId)
  const server = textOf(row[columns.serverColumn])
  const isName = hasIdForm(server)
  const session = row[columns.sessionColumn]
  return {
    from: `row ${count}`,
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
    const leftOut = keys ? [] : ['it has no keys: the first messages from each contact need a second try']
    const judged = judgeCredentials(deviceId, unfold(creds), keysOf(unfold(keys ?? {})), leftOut)
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

function keysOf(keys: unknown): KeysByType {
  const found = Object.entries(keys as Record<string, unknown>).map(([type, byId]) => {
    const ids = Object.entries((byId ?? {}) as Record<string, unknown>)
    return [OLDER_TYPES[type] ?? type, Object.fromEntries(ids.filter(([, value]) => value))]
  })
  return Object.fromEntries(found)
}

function isEmpty(session: unknown): boolean {
  if (session === null || session === undefined) return true
  return typeof session === 'string' && ['', 'null', '{}'].includes(session.trim())
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : ''
}
