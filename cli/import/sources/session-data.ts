/** Reads a device's session data as one cell holds it: creds and keys in whichever way they are nested, or the
 *  creds alone. */
import type { DeviceId } from '../../../core/ids.ts'
import { digestOf, type Loaded } from '../candidate.ts'
import { foreignKeys } from '../credentials/foreign-keys.ts'
import { judgeCredentials } from '../credentials/judge.ts'
import { kindOf } from '../credentials/kind-of.ts'
import { parseForeign, reviveForeign } from '../forms/foreign-json.ts'

/** JSON within JSON within JSON, as a text column within a JSON column holds it, and once more. */
const UNFOLDED_TIMES_MAX = 4
/** Ways in which exports write that a cell has no value. */
const NOTHING = ['', 'null', '{}', '\\n', '""', 'undefined']
/** Parts of creds by which they are known when they stand alone. */
const OF_CREDS = ['noiseKey', 'signedIdentityKey']

type Fields = Readonly<Record<string, unknown>>

export function isEmptySession(session: unknown): boolean {
  if (session === null || session === undefined) return true
  if (typeof session === 'string') return NOTHING.includes(session.trim().toLowerCase())
  return typeof session === 'object' && !Array.isArray(session) && Object.keys(session).length === 0
}

export function loadSessionData(deviceId: DeviceId, session: unknown): Loaded {
  try {
    const data = unfolded(session)
    if (isEmptySession(data)) return { unlinked: true }
    const fields = fieldsOf(data)
    if (!fields) return { unusable: `its session data is ${kindOf(data)} instead of an object` }
    const { creds, keys, ...beside } = partsOf(fields)
    if (creds === undefined || creds === null) return { unusable: 'its session data holds no creds' }
    const sorted = foreignKeys(keys, beside)
    const judged = judgeCredentials(deviceId, unfolded(creds), sorted.keys, sorted.leftOut)
    if ('unusable' in judged) return judged
    return { ...judged, digest: digestOf(typeof session === 'string' ? session : JSON.stringify(session)) }
  } catch (error) {
    const why = error instanceof RangeError ? 'it is nested too deep' : wordsOf(error)
    return { unusable: `its session data cannot be read: ${why}` }
  }
}

interface Parts extends Fields {
  readonly creds?: unknown
  readonly keys?: unknown
}

/** Own properties alone. */
function partsOf(fields: Fields): Parts {
  return OF_CREDS.every((part) => Object.hasOwn(fields, part)) ? { creds: fields } : { ...fields }
}

/** Reads JSON within JSON, and bytes in every form. */
function unfolded(value: unknown): unknown {
  let read = typeof value === 'string' ? parseForeign(value) : reviveForeign(value)
  for (let times = 1; typeof read === 'string' && times < UNFOLDED_TIMES_MAX; times++)
    read = parseForeign(read)
  return read
}

function fieldsOf(value: unknown): Fields | undefined {
  const isFields =
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  return isFields ? (value as Fields) : undefined
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
