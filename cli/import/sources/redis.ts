/** Reads a dump of Redis: JSON lines of string keys and of the fields of hashes, as the command in
 *  docs/importing.md writes them. */
import { WrongUsage } from '../../failures.ts'
import { plain } from '../../words.ts'
import type { Source } from '../candidate.ts'
import { type RecordOptions, type Row, readRecords } from '../forms/records.ts'
import { cellText, columnsOf } from './columns.ts'
import { groupedSource } from './grouped.ts'
import { type KeyRow, type StrayRow, sessionName, splitName } from './key-row.ts'

const SESSION = '{session}'
const KEY = '{key}'

export interface RedisOptions extends RecordOptions {
  /** Where the names of the keys hold the session and the key, as in `wa:{session}:{key}`. */
  readonly keyPattern?: string
  /** The id of the only device of the file. */
  readonly device?: string
}

type Split = (key: string, field: string | undefined) => { session: string; name: string } | undefined

export function redis(file: string, options: RedisOptions): Source {
  const { keyPattern, device } = options
  const split = keyPattern === undefined ? foundOut : byPattern(keyPattern)
  return groupedSource({
    file,
    ...(device === undefined ? {} : { device }),
    sessionOption: '--key-pattern',
    howToSort: `sort its lines (LC_ALL=C sort -o ${file} ${file})`,
    nameOf: (session) => (keyPattern === undefined ? sessionName(session, file) : session),
    async *rows() {
      for await (const { at, row } of readRecords(file, options)) yield keyRow(file, at, row, split)
    },
  })
}

function keyRow(file: string, at: string, row: Row, split: Split): KeyRow | StrayRow {
  const key = cellText(row.key)
  if (key === '' || !Object.hasOwn(row, 'value')) {
    throw new WrongUsage(
      `${plain(file)} is no dump of Redis: ${at} has no key and value, only ${columnsOf(row)}. ` +
        'Write one by the command in docs/importing.md.',
    )
  }
  const field = Object.hasOwn(row, 'field') ? cellText(row.field) : undefined
  const { value } = row
  const found = split(key, field)
  if (!found) return { at, stray: key }
  const known = splitName(found.name)
  return known
    ? { at, session: found.session, name: known.name, value }
    : { at, ...found, value, unknown: true }
}

/** A hash is one session, and a string key ends with the name of a key of Baileys. */
const foundOut: Split = (key, field) => (field === undefined ? splitName(key) : { session: key, name: field })

function byPattern(pattern: string): Split {
  if (pattern.split(SESSION).length !== 2) {
    throw new WrongUsage(`--key-pattern needs ${SESSION} once, and ${KEY} where string keys are meant.`)
  }
  const source = RegExp.escape(pattern)
    .replace(RegExp.escape(SESSION), '(?<session>.+)')
    .replace(RegExp.escape(KEY), '(?<name>.+)')
  const parts = new RegExp(`^${source}$`, 's')
  const isForStrings = pattern.includes(KEY)
  return (key, field) => {
    if ((field === undefined) !== isForStrings) return undefined
    const groups = parts.exec(key)?.groups
    return groups && { session: groups.session ?? '', name: field ?? groups.name ?? '' }
  }
}
