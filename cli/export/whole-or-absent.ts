/** Writes a file or a folder of secrets whole or not at all. Everything is written to a private folder beside
 *  the target, and renamed at the end: a rename is one step of the file system. */
import { link, lstat, mkdir, mkdtemp, readdir, realpath, rename, rm, rmdir, unlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Failure, Interrupted, NotDone, WrongUsage } from '../failures.ts'
import { tempPrefix } from './leftovers.ts'

const FOLDER_MODE = 0o700
/** These file systems have no links. There the file is renamed after a look, which is not one step. */
const WITHOUT_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'it can only be read',
  ENOTDIR: 'a part of its path is a file, not a folder',
  ENOENT: 'a part of its path is missing',
  ENAMETOOLONG: 'a name in its path is too long',
  ELOOP: 'its path is a circle of links',
  EBUSY: 'it is in use, perhaps as a mounted disk; name a new folder inside it',
  EEXIST: 'it exists already',
  ENOTEMPTY: 'it is not empty any more',
}

export type Kind = 'folder' | 'file'

/** Whether nothing would be overwritten or mixed up there, and no link leads elsewhere.
 *  @throws WrongUsage that says what is there */
export async function mustBeFree(target: string, kind: Kind): Promise<void> {
  try {
    const found = await lstat(target).catch(absent)
    if (!found) return
    const empty = kind === 'folder' && found.isDirectory() && (await readdir(target)).length === 0
    if (empty && resolve(target) !== process.cwd()) return
    const fault = found.isSymbolicLink()
      ? 'is a symbolic link, and no secret is written through one'
      : empty
        ? 'is the folder in which this command runs: name a new one in it'
        : kind === 'folder'
          ? 'is not an empty folder'
          : 'exists already'
    throw new WrongUsage(`${target} ${fault}; nothing was written.`)
  } catch (error) {
    throw inWords(target, error)
  }
}

/** @param write writes into the private folder whose path it gets, and returns the name there that becomes
 *    the target; for a folder the name does not matter
 *  @throws Failure after which the target is as it was before */
export async function placeWhole(
  target: string,
  kind: Kind,
  stop: AbortSignal,
  write: (folder: string) => Promise<string>,
): Promise<void> {
  const undo: (() => Promise<unknown>)[] = []
  try {
    const above = dirname(resolve(target))
    const made = await mkdir(above, { recursive: true, mode: FOLDER_MODE })
    if (made !== undefined) undo.push(() => removeEmpty(above, made))
    const parent = await realpath(above)
    const temporary = await mkdtemp(join(parent, tempPrefix(process.pid)))
    undo.push(() => rm(temporary, { recursive: true, force: true }))
    const written = await write(temporary)
    if (stop.aborted) throw new Interrupted()
    await mustBeFree(target, kind)
    const place = join(parent, basename(resolve(target)))
    await (kind === 'folder' ? rename(temporary, place) : moveFile(join(temporary, written), place))
    if (kind === 'file') await rm(temporary, { recursive: true, force: true })
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => undefined)
    throw stop.aborted ? new Interrupted() : inWords(target, error)
  }
}

/** Another program may use a new folder already, so only empty ones are removed: `last`, and those above it
 *  up to `first`. */
async function removeEmpty(last: string, first: string): Promise<void> {
  for (let folder = last; ; folder = dirname(folder)) {
    await rmdir(folder)
    if (folder === first || folder === dirname(folder)) return
  }
}

/** A link does not replace a file that has appeared meanwhile; a rename would. */
async function moveFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
    await unlink(from)
  } catch (error) {
    if (!WITHOUT_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    await rename(from, to)
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function inWords(target: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (error instanceof Failure || typeof code !== 'string') return error
  return new NotDone(`${target} cannot be written: ${WORDS[code] ?? code}. Nothing was written.`)
}
