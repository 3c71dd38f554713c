/** Reads single values of whatsmeow's tables, and of the JSON within them. SQLite gives bytes as bytes, psql
 *  gives them as `\x..`, and Go's JSON as base64. A value of another form makes its row damaged. Pure. */

const PUBLIC_KEY_BYTES = 33
/** Curve25519, in the Signal protocol's numbering of curves. */
const CURVE = 5
const UINT32_MAX = 0xffff_ffff

/** A row that cannot be read. The message names the part, and quotes nothing of it. */
export class DamagedRow extends Error {}

export type Fields = Readonly<Record<string, unknown>>

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw new DamagedRow(`${what} is missing`)
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === null || value === undefined) return []
  if (Array.isArray(value)) return value
  throw new DamagedRow(`${what} is no list`)
}

export function isAbsent(value: unknown): boolean {
  return value === null || value === undefined || value === ''
}

export function textIn(value: unknown, what: string): string {
  if (typeof value === 'string') return value
  throw new DamagedRow(`${what} is no text`)
}

export function numberIn(value: unknown, what: string, max = UINT32_MAX): number {
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 && number <= max)
    return number
  throw new DamagedRow(`${what} is no number from 0 to ${max}`)
}

/** SQLite has no booleans, and psql writes them as JSON's. */
export function truthIn(value: unknown): boolean {
  return value === true || value === 1 || value === 1n
}

/** A column of bytes. */
export function bytesIn(value: unknown, what: string, length?: number): Buffer {
  const bytes = rawBytes(value)
  if (!bytes) throw new DamagedRow(`${what} is missing, or is no bytes`)
  if (length !== undefined && bytes.length !== length) {
    throw new DamagedRow(`${what} has ${bytes.length} bytes instead of ${length}`)
  }
  return bytes
}

function rawBytes(value: unknown): Buffer | undefined {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (typeof value !== 'string' || !/^\\x(?:[0-9a-f]{2})*$/i.test(value)) return undefined
  return Buffer.from(value.slice(2), 'hex')
}

/** Bytes within Go's JSON. */
export function base64In(value: unknown, what: string, length: number): Buffer {
  const bytes = Buffer.from(typeof value === 'string' ? value : '', 'base64')
  if (bytes.length === length) return bytes
  throw new DamagedRow(`${what} has ${bytes.length} bytes instead of ${length}`)
}

/** A public key with the byte of its curve before it. */
export function publicKeyIn(value: unknown, what: string): Buffer {
  const bytes = base64In(value, what, PUBLIC_KEY_BYTES)
  if (bytes[0] === CURVE) return bytes
  throw new DamagedRow(`${what} is a key of another curve`)
}

/** JSON that whatsmeow has stored as bytes. */
export function jsonIn(value: unknown, what: string): Fields {
  const bytes = bytesIn(value, what)
  let parsed: unknown
  try {
    parsed = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new DamagedRow(`${what} is not in whatsmeow's form`)
  }
  return fieldsOf(parsed, what)
}
