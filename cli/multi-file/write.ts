/** Writes a multi-file auth folder as Baileys would, but readable by the owner of the files alone. */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inParallel } from '../../core/parallel.ts'
import { serialise } from '../../hosts/auth-state/serialise.ts'
import type { WholeState } from '../../hosts/auth-state/whole-state.ts'
import { CREDS_FILE, fileOf } from './names.ts'

const FOLDER_MODE = 0o700
const FILE_MODE = 0o600
const FILES_AT_ONCE = 16

/** Whether the folder is empty or missing, so that writing there overwrites and mixes up nothing. */
export async function isFree(folder: string): Promise<boolean> {
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return found.length === 0
}

/** Writes the creds last, because a folder without them is not taken for a device.
 *  @returns how many files were written */
export async function writeMultiFile(folder: string, { creds, keys }: WholeState): Promise<number> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
  const write = (file: string, value: unknown) =>
    writeFile(join(folder, file), serialise(value), { flag: 'wx', mode: FILE_MODE })
  const all = Object.entries(keys).flatMap(([type, byId]) =>
    Object.entries(byId).map(([id, value]) => ({ file: fileOf({ type, id }), value })),
  )
  await inParallel(all, FILES_AT_ONCE, ({ file, value }) => write(file, value))
  await write(CREDS_FILE, creds)
  return all.length + 1
}
