/** Reads a multi-file auth folder, and changes nothing in it. */
import { createHash } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { inParallel } from '../../core/parallel.ts'
import type { KeysByType } from '../../hosts/auth-state/whole-state.ts'
import { Interrupted } from '../failures.ts'
import { parseForeign } from '../import/forms/foreign-json.ts'
import { NotReadable } from '../import/forms/regular-file.ts'
import { plain } from '../words.ts'
import { chooseCreds } from './creds-files.ts'
import { hasChangedCase, isOfTheSystem, type KeyName, keyOf, mayHoldCreds } from './names.ts'
import { readSmallFile, TooLarge } from './small-file.ts'

const FILES_AT_ONCE = 16
/** A device that talks to tens of thousands of people has some hundred thousand files. */
const FILES_MAX = 500_000
/** A hundred thousand files of 2 KB. */
const FOLDER_BYTES_MAX = 256_000_000
/** WhatsApp sends keys of this type again to a device that has none. */
const FETCHED_AGAIN = 'app-state-sync-version'

export interface MultiFile {
  readonly creds: unknown
  readonly keys: KeysByType
  /** Digest of all contents: it differs when anything has changed. */
  readonly digest: string
  /** Files that are not imported, and why; and which file the creds are from, if not from creds.json. */
  readonly leftOut: readonly string[]
}

export type Unread = { readonly unusable: string }

interface KeyFile {
  readonly file: string
  readonly key: KeyName
}

/** A folder without creds, or with a file that cannot be read, is unusable: half a device is worse than
 *  none. Links to files are followed, as Baileys follows them.
 *  @throws Interrupted */
export async function readMultiFile(folder: string, stop?: AbortSignal): Promise<MultiFile | Unread> {
  try {
    return await read(folder, stop)
  } catch (error) {
    if (error instanceof Interrupted) throw error
    if (error instanceof Refused) return { unusable: error.message }
    const code = (error as NodeJS.ErrnoException).code
    return {
      unusable: `it cannot be read: ${code ?? (error instanceof Error ? error.message : String(error))}`,
    }
  }
}

/** Why the whole folder is unusable. */
class Refused extends Error {}

async function read(folder: string, stop: AbortSignal | undefined): Promise<MultiFile | Unread> {
  const entries = await readdir(folder, { withFileTypes: true })
  if (entries.length > FILES_MAX)
    throw new Refused(`it has more than ${FILES_MAX} files: no device has so many`)
  const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name)
  const changed = files.find(hasChangedCase)
  if (changed !== undefined) {
    throw new Refused(
      `${plain(changed)} had small letters: copy the folder again by a tool that keeps its names`,
    )
  }
  let bytesRead = 0
  const readFile = (file: string) =>
    readSmallFile(join(folder, file), (bytes) => {
      bytesRead += bytes
      if (bytesRead <= FOLDER_BYTES_MAX) return
      throw new Refused(
        `its files have more than ${FOLDER_BYTES_MAX / 1e6} MB together: no device has so much`,
      )
    }).catch((error: unknown) => {
      if (!(error instanceof NotReadable || error instanceof TooLarge)) throw error
      return leaveOutOrRefuse(file, error)
    })
  const choice = await chooseCreds(files, async (file) => {
    const found = await readFile(file)
    if (typeof found === 'string') throw new Refused(found)
    return found
  })
  if ('unusable' in choice) return choice
  const keys = await readKeys(keyFilesOf(files), readFile, stop)
  const digest = createHash('sha256')
  digest.update(`${choice.file}\n${choice.text.length}\n${choice.text}`)
  digest.update(keys.digest)
  const notes = [...(choice.note === undefined ? [] : [choice.note]), ...keys.leftOut, ...strangers(entries)]
  return { creds: choice.creds, keys: keys.keys, digest: digest.digest('hex'), leftOut: notes }
}

/** In an order that is the same in every reading. */
function keyFilesOf(files: readonly string[]): KeyFile[] {
  return files.toSorted(byName).flatMap((file) => {
    const key = keyOf(file)
    return key ? [{ file, key }] : []
  })
}

async function readKeys(
  files: readonly KeyFile[],
  readFile: (file: string) => Promise<string | { readonly text: string | undefined }>,
  stop: AbortSignal | undefined,
): Promise<Omit<MultiFile, 'creds'>> {
  const hash = createHash('sha256')
  const byType = new Map<string, Map<string, unknown>>()
  const leftOut: string[] = []
  for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
    if (stop?.aborted) throw new Interrupted()
    const some = files.slice(at, at + FILES_AT_ONCE)
    const read = await inParallel(some, FILES_AT_ONCE, async (one) => ({
      ...one,
      found: await readFile(one.file),
    }))
    for (const { file, key, found } of read) {
      if (typeof found === 'string') {
        leftOut.push(found)
        continue
      }
      const { text = '' } = found
      hash.update(`${file}\n${text.length}\n${text}`)
      const value = valueIn(found.text)
      // Baileys, too, treats a damaged file as missing.
      if (value instanceof Error) leftOut.push(`${file} is damaged: ${value.message}`)
      else byType.set(key.type, (byType.get(key.type) ?? new Map()).set(key.id, value))
    }
  }
  const keys = Object.fromEntries([...byType].map(([type, byId]) => [type, Object.fromEntries(byId)]))
  return { keys, digest: hash.digest('hex'), leftOut }
}

/** @returns the file and why it is left out
 *  @throws Refused when the device would lack something without it */
function leaveOutOrRefuse(file: string, error: Error): string {
  const words = `${plain(file)} ${error.message}`
  if (error instanceof NotReadable && error.kind === 'folder') return words
  if (error instanceof TooLarge && keyOf(file)?.type === FETCHED_AGAIN)
    return `${words}; WhatsApp sends it again`
  throw new Refused(words)
}

/** Files that are not Baileys', and folders. Copies of the creds need no word where creds.json is whole. */
function strangers(entries: readonly Dirent[]): string[] {
  return entries
    .filter((entry) => !isOfTheSystem(entry.name))
    .filter((entry) => entry.isDirectory() || (!keyOf(entry.name) && !mayHoldCreds(entry.name)))
    .filter(({ name }) => name !== 'creds.json')
    .map((entry) => `${plain(entry.name)} is not a file of Baileys`)
    .toSorted(byName)
}

function byName(one: string, other: string): number {
  return one < other ? -1 : 1
}

function valueIn(text: string | undefined): unknown {
  if (text === undefined) return new Error('it is no text')
  if (text.trim() === '') return new Error('it is empty')
  try {
    return parseForeign(text) || new Error('it holds no key')
  } catch (error) {
    return error instanceof Error ? error : new Error('it is not JSON')
  }
}
