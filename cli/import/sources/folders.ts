/** Reads multi-file auth folders as candidates: a folder is one device, a directory of folders is many. */
import { basename, dirname, resolve } from 'node:path'
import { readMultiFile } from '../../multi-file/read.ts'
import { plain } from '../../words.ts'
import { type Candidate, idFrom, type Loaded, nameFrom, type Source } from '../candidate.ts'
import { judgeCredentials } from '../credentials/judge.ts'
import { type FoundFolder, findFolders } from './folder-tree.ts'

export function folders(paths: readonly string[], stop?: AbortSignal): Source {
  // The tree is walked once: a folder that came meanwhile could change the ids that a person has confirmed.
  let walk: Promise<FoundFolder[]> | undefined
  return {
    kind: 'folder',
    async *candidates() {
      walk ??= findFolders(paths, stop)
      const found = await walk
      const shared = sharedIds(found)
      for (const one of found) yield candidate(one, shared, stop)
    },
  }
}

/** The ids that folders in different parents would share. Tenants often call their sessions alike. */
function sharedIds(found: readonly FoundFolder[]): ReadonlySet<string> {
  const parents = new Map<string, Set<string>>()
  for (const { path, why } of found) {
    const { deviceId } = idFrom(folderName(path))
    if (!deviceId || why !== undefined) continue
    parents.set(deviceId, (parents.get(deviceId) ?? new Set()).add(parentName(path)))
  }
  return new Set([...parents].filter(([, names]) => names.size > 1).map(([id]) => id))
}

function candidate({ path, why }: FoundFolder, shared: ReadonlySet<string>, stop?: AbortSignal): Candidate {
  const { deviceId, name, notes } = named(path, shared)
  return {
    from: path,
    deviceId,
    name,
    notes,
    async load(): Promise<Loaded> {
      if (why !== undefined) return { unusable: why }
      const read = await readMultiFile(path, stop)
      if ('unusable' in read) return read
      if (!deviceId) return { unusable: 'no device id can be made of its name' }
      const judged = judgeCredentials(deviceId, read.creds, read.keys, read.leftOut)
      return 'unusable' in judged ? judged : { ...judged, digest: read.digest }
    },
  }
}

function named(path: string, shared: ReadonlySet<string>): Pick<Candidate, 'deviceId' | 'name' | 'notes'> {
  const own = folderName(path)
  const alone = idFrom(own)
  if (!alone.deviceId || !shared.has(alone.deviceId)) return { ...alone, name: nameFrom(own, 'imported') }
  const both = `${parentName(path)}-${own}`
  const { deviceId } = idFrom(both)
  const notes = [`its id here is ${deviceId}: another folder is ${JSON.stringify(plain(own))}, too`]
  return { deviceId, name: nameFrom(both, 'imported'), notes }
}

function folderName(path: string): string {
  return basename(resolve(path))
}

function parentName(path: string): string {
  return basename(dirname(resolve(path)))
}
