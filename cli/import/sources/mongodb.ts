/** Reads what mongoexport writes: one document for each Signal key, or one for each session. */
import { WrongUsage } from '../../failures.ts'
import { plain } from '../../words.ts'
import type { Source } from '../candidate.ts'
import { plainFromExtended } from '../forms/extended-json.ts'
import { shown } from '../forms/names.ts'
import { type RecordOptions, type Row, readRecords } from '../forms/records.ts'
import { cellText, USUAL, usualColumn } from './columns.ts'
import { groupedSource } from './grouped.ts'
import { type KeyRow, type StrayRow, sessionName, splitName, typed } from './key-row.ts'
import { wholeRows } from './whole-session.ts'

export interface MongoOptions extends RecordOptions {
  readonly sessionField?: string
  readonly keyField?: string
  /** The id of the only device of the file. */
  readonly device?: string
}

const FIELDS_SHOWN_MAX = 30
/** Fields that a database adds, and that are no part of a value. */
const OF_THE_DATABASE = new Set(['_id', '__v', 'createdAt', 'updatedAt', 'expireAt', 'expiresAt'])

export function mongodb(file: string, options: MongoOptions): Source {
  return groupedSource({
    file,
    ...(options.device === undefined ? {} : { device: options.device }),
    sessionOption: '--session-field',
    howToSort: 'export it with --sort by the field of the session',
    nameOf: (session) => sessionName(session, file),
    async *rows() {
      const missing = new Set([options.sessionField, options.keyField].filter((field) => field !== undefined))
      const fields = new Set<string>()
      for await (const { at, row } of readRecords(file, options)) {
        const document = plainFromExtended(row) as Row
        for (const field of missing) if (Object.hasOwn(document, field)) missing.delete(field)
        if (fields.size < FIELDS_SHOWN_MAX) for (const field of Object.keys(document)) fields.add(field)
        yield* documentRows(at, document, options)
      }
      const [none] = missing
      if (none === undefined) return
      throw new WrongUsage(
        `${plain(file)} has no field ${shown(none)}, only ${[...fields].map((field) => shown(field)).join(', ')}.`,
      )
    },
  })
}

function* documentRows(
  at: string,
  document: Row,
  { sessionField, keyField }: MongoOptions,
): Generator<KeyRow | StrayRow> {
  const ofSession = sessionField ?? usualColumn(document, 'session')
  const session = ofSession === undefined ? '' : cellText(document[ofSession])
  const key = keyOf(document, keyField)
  if (key) {
    const used = new Set([ofSession, ...key.fields])
    yield {
      at,
      session: session || key.session,
      name: key.name,
      value: documentValue(document, key.name, used),
    }
    return
  }
  const ofName = usualColumn(document, 'key')
  const called = session || (ofName === undefined ? '' : cellText(document[ofName])) || at
  const whole = [...wholeRows(at, called, document)]
  if (whole.length > 0) yield* whole
  else yield { at, stray: called }
}

interface FoundKey {
  readonly session: string
  readonly name: string
  readonly fields: readonly string[]
}

function keyOf(document: Row, given: string | undefined): FoundKey | undefined {
  const byName = Object.keys(document).filter((field) => isUsualKey(field))
  for (const field of given === undefined ? byName : [given]) {
    const split = splitName(cellText(document[field]))
    if (split) return { ...split, fields: [field] }
  }
  const ofType = usualColumn(document, 'type')
  const ofId = given ?? usualColumn(document, 'key')
  if (ofType === undefined || ofId === undefined) return undefined
  const type = cellText(document[ofType])
  const split = splitName(typed(type, cellText(document[ofId])))
  return split && { ...split, fields: [ofType, ofId] }
}

function isUsualKey(field: string): boolean {
  const bare = field.replaceAll(/^_+|_/g, '').toLowerCase()
  return USUAL.key.some((usual) => usual === bare)
}

/** The value has a field of its own, or its parts are the fields of the document. */
function documentValue(document: Row, name: string, used: ReadonlySet<string | undefined>): unknown {
  const rest = Object.entries(document).filter(([field]) => !OF_THE_DATABASE.has(field) && !used.has(field))
  const own = usualColumn(Object.fromEntries(rest), 'value')
  // A document with `type` and `data` is itself bytes, and one with `keyData` may be a key of app state.
  const isValue = document.type === 'Buffer' || Object.hasOwn(document, 'fingerprint')
  if (own !== undefined && !isValue) return withBytes(document[own])
  const value = Object.fromEntries(rest)
  const characters = Object.entries(value).every(
    ([field, part], at) => field === `${at}` && typeof part === 'string',
  )
  // Some programs spread each value over the fields of its document, and so also texts and lists.
  if (characters && name.startsWith('lid-mapping-')) return Object.values(value).join('')
  if (characters && name.startsWith('device-list-')) return Object.values(value)
  return withBytes(value)
}

const BYTES = 'Buffer:'

/** Reads bytes as baileys-mongodb writes them. */
function withBytes(value: unknown): unknown {
  if (typeof value === 'string' && value.startsWith(BYTES)) {
    return { type: 'Buffer', data: value.slice(BYTES.length) }
  }
  if (Array.isArray(value)) return value.map(withBytes)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withBytes(part)]))
}
