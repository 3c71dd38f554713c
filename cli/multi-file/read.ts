/** Reads a multi-file auth folder, and changes nothing in it. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inParallel } from '../../core/parallel.ts'
import type { KeysByType } from '../../hosts/auth-state/whole-state.ts'
import { parseForeign } from '../import/forms/foreign-json.ts'
import { CREDS_FILE, keyOf } from './names.ts'

const FILES_AT_ONCE = 16

export interface MultiFile {
  readonly creds: unknown
  readonly keys: KeysByType
  /** Digest of all contents: it differs when anything has changed. */
  readonly digest: string
  /** Files that are not imported, and why. */
  readonly leftOut: readonly string[]
}

export type Unread = { readonly unusable: string }

/** A folder without creds.json, or with a file that cannot be read, is unusable: half a device is worse than
 *  none. */
export async function readMultiFile(folder: string): Promise<MultiFile | Unread> {
  try {
    const files = (await readdir(folder, { withFileTypes: true })).toSorted((one, other) =>
      one.name < other.name ? -1 : 1,
    )
    if (!files.some(({ name }) => name === CREDS_FILE)) return { unusable: 'it has no creds.json' }
    const read = await inParallel(files, FILES_AT_ONCE, async (file) => ({
      file: file.name,
      text: file.isFile() && isOurs(file.name) ? await readFile(join(folder, file.name), 'utf8') : undefined,
    }))
    return gather(read)
  } catch (error) {
    return { unusable: `it cannot be read: ${error instanceof Error ? error.message : String(error)}` }
  }
}

function isOurs(file: string): boolean {
  return file === CREDS_FILE || keyOf(file) !== undefined
}

interface ReadFile {
  readonly file: string
  readonly text: string | undefined
}

function gather(read: readonly ReadFile[]): MultiFile | Unread {
  const hash = createHash('sha256')
  const keys: KeysByType = {}
  const leftOut: string[] = []
  let creds: unknown
  for (const { file, text } of read) {
    if (text === undefined) {
      if (!file.startsWith('.')) leftOut.push(`${file} is not a file of Baileys`)
      continue
    }
    hash.update(`${file}\n${text.length}\n${text}`)
    const value = parsed(text)
    const key = keyOf(file)
    if (value instanceof Error) {
      if (!key) return { unusable: `its creds.json is damaged: ${value.message}` }
      // Baileys, too, treats a damaged file as missing.
      leftOut.push(`${file} is damaged: ${value.message}`)
    } else if (!key) creds = value
    else if (value) {
      keys[key.type] ??= {}
      Object.assign(keys[key.type] ?? {}, { [key.id]: value })
    }
  }
  return { creds, keys, digest: hash.digest('hex'), leftOut }
}

function parsed(text: string): unknown {
  try {
    return parseForeign(text)
  } catch (error) {
    return error
  }
}
