/** Finds the files of whatsmeow at the paths of a command: a SQLite file, a dump, or a directory of SQLite
 *  files, as WAHA has them in a folder for each session. */
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { WrongUsage } from '../../../failures.ts'
import { plain } from '../../../words.ts'
import { NotReadable } from '../../forms/regular-file.ts'
import { USERS_FILE } from './names.ts'
import { sqliteHead } from './sqlite-file.ts'

export type Place =
  | {
      readonly kind: 'database'
      readonly path: string
      readonly head: Buffer
      /** What the other system calls the session, by the names of folders and files. */
      readonly folderName?: string
    }
  | { readonly kind: 'dump'; readonly path: string }
  /** A file of a directory. */
  | { readonly kind: 'unreadable'; readonly path: string; readonly why: string }

/** A folder for each session is one deep, and WAHA's are two deep under `.sessions`. */
const DEPTH_MAX = 3
const ENTRIES_MAX = 100_000
/** What SQLite writes beside a database. */
const BESIDE = /-(?:wal|shm|journal)$/
const DATABASE = /\.(?:db|sqlite3?)$/i
/** wuzapi's database of names holds no devices. */
const isOther = (name: string) => BESIDE.test(name) || name === USERS_FILE

/** @throws WrongUsage when there is nothing to import */
export async function* placesAt(paths: readonly string[]): AsyncGenerator<Place> {
  for (const path of paths) yield* placesIn(path)
}

async function* placesIn(path: string): AsyncGenerator<Place> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new WrongUsage(`${plain(path)} cannot be read: ${error.code}.`)
  })
  if (!stats.isDirectory()) {
    const head = await headOf(path)
    if (!head && DATABASE.test(path)) {
      throw new WrongUsage(`${plain(path)} is no database of SQLite, or it is encrypted.`)
    }
    yield head ? { kind: 'database', path, head } : { kind: 'dump', path }
    return
  }
  let count = 0
  for await (const file of filesBelow(path, DEPTH_MAX)) {
    const place = await placeOf(path, file)
    if (!place) continue
    count += 1
    yield place
  }
  if (count === 0) throw new WrongUsage(`${plain(path)} holds no SQLite file. Give a dump by its name.`)
}

/** @returns undefined for a file that is no database, and for a link to a folder */
async function placeOf(directory: string, file: string): Promise<Place | undefined> {
  try {
    const head = await sqliteHead(file)
    return head && { kind: 'database', path: file, head, folderName: folderName(directory, file) }
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error
    return error.kind === 'folder' ? undefined : { kind: 'unreadable', path: file, why: error.message }
  }
}

async function headOf(path: string): Promise<Buffer | undefined> {
  try {
    return await sqliteHead(path)
  } catch (error) {
    if (error instanceof NotReadable) throw new WrongUsage(`${plain(path)} ${error.message}.`)
    throw error
  }
}

async function* filesBelow(folder: string, depth: number): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true })
  if (entries.length > ENTRIES_MAX) throw new WrongUsage(`${plain(folder)} holds too many files.`)
  const inOrder = entries.toSorted((one, other) =>
    one.name.localeCompare(other.name, 'en', { numeric: true }),
  )
  for (const entry of inOrder) {
    const path = join(folder, entry.name)
    const isFile = entry.isFile() || entry.isSymbolicLink()
    if (isFile && !isOther(entry.name)) yield path
    else if (entry.isDirectory() && depth > 1) yield* filesBelow(path, depth - 1)
  }
}

/** A file directly in the directory is named by its own name, and any other by its folder. */
function folderName(directory: string, file: string): string {
  const folder = dirname(file)
  return resolve(folder) === resolve(directory) ? basename(file, extname(file)) : basename(folder)
}
