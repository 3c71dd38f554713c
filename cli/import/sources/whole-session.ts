/** Takes apart a document that holds a whole session: its creds, and its keys by type or by name. Pure. */
import { parseForeign } from '../forms/foreign-json.ts'
import type { Row } from '../forms/records.ts'
import { CREDS, type KeyRow, splitName } from './key-row.ts'

/** Fields in which programs keep creds and keys together. */
const AROUND = ['auth', 'state', 'authState', 'data', 'value', 'session', 'sessionData', 'session_data']

/** @returns no rows for a document without creds */
export function* wholeRows(at: string, session: string, document: Row): Generator<KeyRow> {
  const holder = [document, ...AROUND.map((field) => asObject(document[field]))].find(
    (inner) => inner !== undefined && Object.hasOwn(inner, CREDS) && inner.creds !== null,
  )
  if (!holder) return
  yield { at, session, name: CREDS, value: holder.creds }
  for (const part of [holder, asObject(holder.keys) ?? {}]) {
    for (const [name, value] of Object.entries(part)) yield* rowsOf(at, session, name, value, part !== holder)
  }
}

/** @param isKey whether the name must be that of a key or of a type */
function* rowsOf(
  at: string,
  session: string,
  name: string,
  value: unknown,
  isKey: boolean,
): Generator<KeyRow> {
  const split = splitName(name)
  if (split && split.name !== CREDS) yield { at, session, name: split.name, value }
  if (split || !isKey) return
  const byId = asObject(value)
  if (!byId) yield { at, session, name, value, unknown: true }
  for (const [id, key] of Object.entries(byId ?? {})) yield { at, session, type: name, name: id, value: key }
}

function asObject(value: unknown): Row | undefined {
  try {
    const read = typeof value === 'string' ? parseForeign(value) : value
    return typeof read === 'object' && read !== null ? (read as Row) : undefined
  } catch {
    return undefined
  }
}
