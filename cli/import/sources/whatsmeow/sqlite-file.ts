/** Opens a SQLite file for reading alone. The file may still belong to a running system, and it may come from
 *  anywhere. So its kind is looked at before SQLite is asked. */
import { open, stat } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { openRegularFile } from '../../forms/regular-file.ts'

/** Why a database cannot be read. The message is a predicate: "is damaged". */
export class NoDatabase extends Error {}

const MAGIC = Buffer.from('SQLite format 3\0')
/** The byte that tells by which journal the database is read, and its value for a write-ahead log. */
const READ_VERSION_AT = 19
const WRITE_AHEAD_LOG = 2
const HEAD_BYTES = 100
/** The first bytes of a journal whose transaction was broken off. */
const HOT_JOURNAL = Buffer.from('d9d505f920a163d7', 'hex')
/** How long another program may hold the database. */
const LOCKED_MS_MAX = 2000

const BUSY = [5, 6]
const BROKEN = [11, 26]
const CANNOT_OPEN = [8, 14]

/** @returns undefined when it is a file, but none of SQLite
 *  @throws NotReadable */
export async function sqliteHead(path: string): Promise<Buffer | undefined> {
  const { handle } = await openRegularFile(path)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    const head = buffer.subarray(0, bytesRead)
    return head.length === HEAD_BYTES && head.subarray(0, MAGIC.length).equals(MAGIC) ? head : undefined
  } finally {
    await handle.close()
  }
}

/** @param read works on the database while it is open, and closes nothing
 *  @throws NoDatabase */
export async function withSqlite<Result>(
  path: string,
  head: Buffer,
  read: (database: DatabaseSync) => Result,
): Promise<Result> {
  if (await isHot(`${path}-journal`)) {
    throw new NoDatabase(
      `has a write that was broken off, in ${path}-journal: start the old system once, and stop it again`,
    )
  }
  const url = pathToFileURL(path)
  // Without a log to read, SQLite would still write files for it beside the database.
  const isLogged = head[READ_VERSION_AT] === WRITE_AHEAD_LOG
  if (isLogged && !(await isFilled(`${path}-wal`))) url.searchParams.set('immutable', '1')
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(url, { readOnly: true, timeout: LOCKED_MS_MAX, allowExtension: false })
    database.exec('PRAGMA trusted_schema = OFF')
    return read(database)
  } catch (error) {
    throw inWords(error)
  } finally {
    database?.close()
  }
}

function inWords(error: unknown): unknown {
  const { code, errcode } = error as { code?: string; errcode?: number }
  if (code !== 'ERR_SQLITE_ERROR' || errcode === undefined) return error
  const result = errcode & 0xff
  if (BUSY.includes(result)) return new NoDatabase('is locked: does the old system still run?')
  if (BROKEN.includes(result)) return new NoDatabase('is damaged: SQLite cannot read it')
  if (CANNOT_OPEN.includes(result)) {
    return new NoDatabase('cannot be opened with its -wal file: copy both to a folder in which you can write')
  }
  return new NoDatabase(`cannot be read: SQLite's error ${errcode}`)
}

async function isFilled(path: string): Promise<boolean> {
  return stat(path).then(
    ({ size }) => size > 0,
    () => false,
  )
}

async function isHot(path: string): Promise<boolean> {
  if (!(await isFilled(path))) return false
  const handle = await open(path)
  try {
    const { buffer } = await handle.read(Buffer.alloc(HOT_JOURNAL.length), 0, HOT_JOURNAL.length, 0)
    return buffer.equals(HOT_JOURNAL)
  } finally {
    await handle.close()
  }
}
