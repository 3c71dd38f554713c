/** Puts the rows of one session together to the auth state of a device. */
import { createHash } from 'node:crypto'
import type { DeviceId } from '../../../core/ids.ts'
import { counted, shown } from '../../words.ts'
import type { Loaded } from '../candidate.ts'
import { collectKeys } from '../credentials/foreign-keys.ts'
import { judgeCredentials } from '../credentials/judge.ts'
import { parseForeign, reviveForeign } from '../forms/foreign-json.ts'
import { CREDS, type KeyRow } from './key-row.ts'

/** @param rows all rows of one session, in the order of the file */
export function loadSession(deviceId: DeviceId | undefined, rows: readonly KeyRow[]): Loaded {
  if (!deviceId) return { unusable: 'no device id can be made of its name' }
  const twice = namedTwice(rows)
  if (twice)
    return { unusable: `${shown(twice)} is there twice with different values: leave out the older one` }
  const found = rows.find(({ type, name }) => type === undefined && name === CREDS)
  if (!found) return { unusable: `it has ${counted(rows.length, 'key')} and no creds: link the device again` }
  const creds = credsOf(found)
  if (creds === undefined) return { unusable: 'its creds are damaged: they are not JSON' }
  const keys = collectKeys()
  const leftOut: string[] = []
  for (const row of rows) {
    if (row === found || isEmpty(row.value)) continue
    const value = readValue(row)
    if (value === undefined) leftOut.push(`${shown(keyName(row))} is damaged: it is not JSON`)
    else if (row.type !== undefined) keys.add(row.type, row.name, value)
    else if (!keys.addNamed(row.name, value)) keys.leaveOut(row.name)
  }
  const sorted = keys.result()
  const judged = judgeCredentials(deviceId, creds, sorted.keys, [...leftOut, ...sorted.leftOut])
  return 'unusable' in judged ? judged : { ...judged, digest: digestOf(rows) }
}

/** @returns the name of a key of which two rows differ */
function namedTwice(rows: readonly KeyRow[]): string | undefined {
  const seen = new Map<string, unknown>()
  for (const row of rows) {
    const name = keyName(row)
    if (seen.has(name) && textOf(seen.get(name)) !== textOf(row.value)) return name
    seen.set(name, row.value)
  }
  return undefined
}

function keyName({ type, name }: KeyRow): string {
  return type === undefined ? name : `${type}-${name}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

function digestOf(rows: readonly KeyRow[]): string {
  const hash = createHash('sha256')
  for (const row of rows) {
    const text = textOf(row.value)
    hash.update(`${keyName(row)}\n${text.length}\n${text}`)
  }
  return hash.digest('hex')
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === '' || value === 'null'
}

/** Some systems store the creds within an object of their own. */
function credsOf(row: KeyRow): unknown {
  const value = readValue(row)
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, CREDS)) return value
  return (value as { creds: unknown }).creds
}

/** @returns undefined when the value is damaged */
function readValue({ type, name, value }: KeyRow): unknown {
  if (typeof value !== 'string') return reviveForeign(value)
  if (!(type ?? name).startsWith('lid-mapping')) return readText(value)
  // A LID is digits. A system that does not quote texts writes it as if it were a number.
  return textWithin(value)
}

/** Reads JSON, JSON within JSON, and the ways in which databases write a column of bytes. */
function readText(text: string): unknown {
  const value = parsed(text) ?? parsed(bytesOf(text))
  return typeof value === 'string' ? parsed(value) : value
}

function textWithin(text: string): string {
  const value = parsed(text)
  return typeof value === 'string' ? textWithin(value) : text
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : parseForeign(text)
  } catch {
    return undefined
  }
}

/** PostgreSQL writes bytes as `\x7b22`, and MySQL as `0x7B22`. */
function bytesOf(text: string): string | undefined {
  if (/^(?:\\x|0x)(?:[0-9a-f]{2})+$/i.test(text)) return Buffer.from(text.slice(2), 'hex').toString()
  if (/^[A-Za-z0-9+/]{4,}={0,2}$/.test(text)) return Buffer.from(text, 'base64').toString()
  return undefined
}
