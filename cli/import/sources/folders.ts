/** Reads multi-file auth folders as candidates: a folder is one device, a directory of folders is many. */
import { readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { WrongUsage } from '../../failures.ts'
import { CREDS_FILE, keyOf } from '../../multi-file/names.ts'
import { readMultiFile } from '../../multi-file/read.ts'
import { type Candidate, idFrom, type Loaded, nameFrom, type Source } from '../candidate.ts'
import { judgeCredentials } from '../credentials/judge.ts'

export function folders(paths: readonly string[]): Source {
  return {
    kind: 'folder',
    async *candidates() {
      for (const path of paths) for (const folder of await foldersIn(path)) yield candidate(folder)
    },
  }
}

/** @throws WrongUsage when there is no folder to import */
async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: Error) => {
    throw new WrongUsage(`${path} cannot be read as a folder: ${error.message}`)
  })
  const isOne = entries.some(({ name }) => name === CREDS_FILE || keyOf(name) !== undefined)
  if (isOne) return [path]
  const inside = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
  if (inside.length === 0) throw new WrongUsage(`${path} holds neither a creds.json nor folders.`)
  return inside
    .map(({ name }) => join(path, name))
    .toSorted((one, other) => one.localeCompare(other, 'en', { numeric: true }))
}

function candidate(folder: string): Candidate {
  const folderName = basename(resolve(folder))
  const { deviceId, notes } = idFrom(folderName)
  return {
    from: folder,
    deviceId,
    name: nameFrom(folderName, 'imported'),
    notes,
    async load(): Promise<Loaded> {
      const read = await readMultiFile(folder)
      if ('unusable' in read) return read
      if (!deviceId) return { unusable: 'no device id can be made of its name' }
      const judged = judgeCredentials(deviceId, read.creds, read.keys, read.leftOut)
      return 'unusable' in judged ? judged : { ...judged, digest: read.digest }
    },
  }
}
