/** The names that wuzapi gives its devices: the table `users`, in the database of the devices or in a file
 *  `users.db` beside it. */
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { sqliteHead, withSqlite } from './sqlite-file.ts'

export const USERS_FILE = 'users.db'
const USERS_MAX = 100_000

/** Names by jid. */
export type Names = ReadonlyMap<string, string>

/** @param own the names in the database of the devices */
export async function namesFor(path: string, own: Names): Promise<Names> {
  if (own.size > 0) return own
  const beside = join(dirname(path), USERS_FILE)
  try {
    const head = await sqliteHead(beside)
    return head ? await withSqlite(beside, head, namesIn) : own
  } catch {
    // It is a help, not a need: the devices have other names.
    return own
  }
}

export function namesIn(database: DatabaseSync): Names {
  const columns = database
    .prepare("SELECT name FROM pragma_table_xinfo('users') WHERE name IN ('name', 'jid')")
    .all()
  const isTable = database
    .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'users'")
    .get()
  if (columns.length < 2 || !isTable) return new Map()
  const query = database.prepare(
    `SELECT jid, name FROM users WHERE typeof(jid) = 'text' AND typeof(name) = 'text' AND jid <> ''
     AND length(name) BETWEEN 1 AND 1000 LIMIT ${USERS_MAX}`,
  )
  return new Map(query.all().map(({ jid, name }) => [String(jid), String(name)]))
}
