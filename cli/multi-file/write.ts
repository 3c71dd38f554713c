/** Writes a multi-file auth folder as Baileys would, but readable by the owner of the files alone. */
import { lstat, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inParallel } from '../../core/parallel.ts'
import { serialise } from '../../hosts/auth-state/serialise.ts'
import type { WholeState } from '../../hosts/auth-state/whole-state.ts'
import { NotDone } from '../failures.ts'
import { counted, few, shortened } from '../words.ts'
import { CREDS_FILE, fileOf, type KeyName } from './names.ts'

const FILE_MODE = 0o600
const FILES_AT_ONCE = 16
/** The limit of nearly every file system. */
const NAME_BYTES_MAX = 255
const FAULTS_SHOWN_MAX = 5
const SHOWN_CHARACTERS_MAX = 60
const INSTEAD = 'Nothing was written. Export it as rows instead: --rows FILE.jsonl'

/** Whether every key gets a file of its own. Baileys writes `__` for `/` and `-` for `:`, so two ids may
 *  share a name. They would overwrite each other.
 *  @throws NotDone that names the ids */
export function mustHaveOwnFiles(keys: WholeState['keys']): void {
  const named = namedKeys(keys)
  const long = named.filter(({ file }) => Buffer.byteLength(file) > NAME_BYTES_MAX || file.includes('\0'))
  refuse(long.map(inWords), 'cannot be the name of a file')
  refuse(
    colliding(named, ({ file }) => file),
    'would share a file',
  )
}

/** Writes into an empty folder. The creds come last, because a folder without them is not taken for a device.
 *  @returns how many files were written
 *  @throws NotDone where the file system takes two names for one */
export async function writeMultiFile(
  folder: string,
  { creds, keys }: WholeState,
  signal: AbortSignal,
): Promise<number> {
  const named = namedKeys(keys)
  if (await ignoresCase(folder)) {
    refuse(
      colliding(named, ({ file }) => file.normalize('NFC').toLowerCase()),
      'would share a file, as this disk does not tell upper from lower case',
    )
  }
  const write = (file: string, value: unknown) =>
    writeFile(join(folder, file), serialise(value), { flag: 'wx', mode: FILE_MODE, flush: true, signal })
  await inParallel(named, FILES_AT_ONCE, ({ file, value }) => write(file, value))
  await write(CREDS_FILE, creds)
  return named.length + 1
}

interface NamedKey extends KeyName {
  readonly file: string
  readonly value: unknown
}

function namedKeys(keys: WholeState['keys']): NamedKey[] {
  return Object.entries(keys).flatMap(([type, byId]) =>
    Object.entries(byId).map(([id, value]) => ({ type, id, file: fileOf({ type, id }), value })),
  )
}

function colliding(named: readonly NamedKey[], nameOf: (key: NamedKey) => string): string[] {
  const byName = Map.groupBy(named, nameOf)
  return [...byName.values()].filter((same) => same.length > 1).map((same) => same.map(inWords).join(' and '))
}

function refuse(faults: readonly string[], why: string): void {
  if (faults.length === 0) return
  const shown = few(faults, FAULTS_SHOWN_MAX).join('; ')
  throw new NotDone(`Of the ids of its keys ${counted(faults.length, 'case')} ${why}: ${shown}. ${INSTEAD}`)
}

function inWords({ type, id }: NamedKey): string {
  return `${shortened(type, SHOWN_CHARACTERS_MAX)} ${JSON.stringify(shortened(id, SHOWN_CHARACTERS_MAX))}`
}

async function ignoresCase(folder: string): Promise<boolean> {
  const probe = join(folder, 'case')
  await writeFile(probe, '', { flag: 'wx', mode: FILE_MODE })
  try {
    return await lstat(join(folder, 'CASE')).then(
      () => true,
      () => false,
    )
  } finally {
    await rm(probe, { force: true })
  }
}
