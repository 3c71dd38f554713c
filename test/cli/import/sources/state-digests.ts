/** Digests of a device's state, by which a test compares what was imported with what Baileys had stored. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FILE = 'state.json'

/** `creds`, and each type of key. */
export type Digests = Readonly<Record<string, { readonly count: number; readonly sha256: string }>>

/** @param state in the form of JSON */
export function digestsOf({ creds, keys }: { creds: unknown; keys: unknown }): Digests {
  const parts = Object.entries<object>({ ...(keys as object), creds: { creds } }).filter(
    ([, byId]) => Object.keys(byId).length > 0,
  )
  const digests = parts.map(([type, byId]) => {
    const text = JSON.stringify(sorted(byId))
    const sha256 = createHash('sha256').update(text).digest('hex')
    return [type, { count: Object.keys(byId).length, sha256 }]
  })
  return sorted(Object.fromEntries(digests)) as Digests
}

/** Databases keep the fields of an object in an order of their own. Bytes of a message of WhatsApp are base64
 *  or a buffer, and Baileys takes either. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  if ('type' in value && value.type === 'Buffer' && 'data' in value) return value.data
  const names = Object.keys(value).toSorted()
  return Object.fromEntries(names.map((name) => [name, sorted((value as Record<string, unknown>)[name])]))
}

export function writeDigests(folder: string, bySession: ReadonlyMap<string, Digests>): void {
  writeFileSync(join(folder, FILE), `${JSON.stringify(Object.fromEntries(bySession), undefined, 2)}\n`)
}

export function readDigests(folder: string): Readonly<Record<string, Digests>> {
  return JSON.parse(readFileSync(join(folder, FILE), 'utf8'))
}
