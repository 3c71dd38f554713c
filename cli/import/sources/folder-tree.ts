/** Finds the folders of devices in a tree of folders, whatever its levels stand for: tenants, servers,
 *  days. */
import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { Interrupted, WrongUsage } from '../../failures.ts'
import { mayHaveCreds } from '../../multi-file/creds-files.ts'
import { keyOf } from '../../multi-file/names.ts'
import { plain } from '../../words.ts'

/** How deep below a given path a device may lie: server, tenant, team, day, session. */
const DEPTH_MAX = 5
/** Ten times the devices of a large fleet, and then their parents. */
const FOLDERS_MAX = 100_000

export interface FoundFolder {
  readonly path: string
  /** Why it is no device. Absent for a folder that may be one. */
  readonly why?: string
}

/** What a folder holds, itself included. */
interface Held {
  readonly found: readonly FoundFolder[]
  readonly hasDevices: boolean
}

interface Walk {
  readonly stop: AbortSignal | undefined
  folders: number
}

/** In the order of the paths, then of the levels, and then of the names. Of two copies of a device the first
 *  is imported, and backups lie deeper. A folder that is given twice is found once.
 *  @throws WrongUsage when there is no folder to import; Interrupted */
export async function findFolders(paths: readonly string[], stop?: AbortSignal): Promise<FoundFolder[]> {
  const walk: Walk = { stop, folders: 0 }
  const found = new Map<string, FoundFolder>()
  for (const path of paths) {
    const root = await realpath(path).catch((error) => fail(path, error))
    const inside = await foldersIn(path, walk)
    for (const one of inside.toSorted((first, other) => levelsOf(first) - levelsOf(other))) {
      const real = join(root, relative(path, one.path))
      if (!found.has(real)) found.set(real, one)
    }
  }
  return [...found.values()]
}

async function foldersIn(path: string, walk: Walk): Promise<readonly FoundFolder[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error) => fail(path, error))
  const browser = browserProfile(entries)
  if (browser) return [{ path, why: browser }]
  const inside = await heldInside(path, entries, 1, walk)
  if (isDevice(entries)) return [{ path }, ...inside.filter(({ hasDevices }) => hasDevices).flatMap(foundOf)]
  if (inside.length === 0) throw new WrongUsage(`${plain(path)} holds neither a creds.json nor folders.`)
  return inside.flatMap(foundOf)
}

async function heldBy(path: string, depth: number, walk: Walk): Promise<Held> {
  if (walk.stop?.aborted) throw new Interrupted()
  walk.folders += 1
  if (walk.folders > FOLDERS_MAX) {
    throw new WrongUsage(`There are more than ${FOLDERS_MAX} folders. Give the folder of the devices alone.`)
  }
  let entries: Dirent[]
  try {
    entries = await readdir(path, { withFileTypes: true })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    return { found: [{ path, why: `it cannot be read: ${code}` }], hasDevices: true }
  }
  const browser = browserProfile(entries)
  if (browser) return { found: [{ path, why: browser }], hasDevices: true }
  const self = isDevice(entries)
  if (depth >= DEPTH_MAX) {
    const isDeeper = !self && entries.some(isLookedInto)
    const why = `it has no creds.json, and folders deeper than ${DEPTH_MAX} levels are not looked into: give it alone`
    return { found: [isDeeper ? { path, why } : { path }], hasDevices: self }
  }
  const inside = await heldInside(path, entries, depth + 1, walk)
  if (self) {
    const deeper = inside.filter(({ hasDevices }) => hasDevices).flatMap(foundOf)
    return { found: [{ path }, ...deeper], hasDevices: true }
  }
  if (!inside.some(({ hasDevices }) => hasDevices)) {
    // A whole tree without a device is told in one line, with the reason if a part of it was not seen.
    const unseen = inside.flatMap(foundOf).find(({ why }) => why !== undefined)
    return { found: [{ ...unseen, path }], hasDevices: false }
  }
  return { found: inside.flatMap(foundOf), hasDevices: true }
}

async function heldInside(
  path: string,
  entries: readonly Dirent[],
  depth: number,
  walk: Walk,
): Promise<Held[]> {
  const names = entries
    .filter(isLookedInto)
    .toSorted((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }))
  const held: Held[] = []
  for (const entry of names) {
    const inside = join(path, entry.name)
    if (!entry.isSymbolicLink()) held.push(await heldBy(inside, depth, walk))
    else if (await leadsToFolder(inside)) {
      const why = 'it is a link to a folder, and links are not followed: give that folder itself'
      held.push({ found: [{ path: inside, why }], hasDevices: true })
    }
  }
  return held
}

function levelsOf({ path }: FoundFolder): number {
  return path.split(sep).length
}

function foundOf({ found }: Held): readonly FoundFolder[] {
  return found
}

function isLookedInto(entry: Dirent): boolean {
  const isHidden = entry.name.startsWith('.') || entry.name === '__MACOSX' || entry.name === 'node_modules'
  return !isHidden && (entry.isDirectory() || entry.isSymbolicLink())
}

function isDevice(entries: readonly Dirent[]): boolean {
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name)
  return mayHaveCreds(names) || names.some((name) => keyOf(name) !== undefined)
}

/** Programs that steer a browser keep its whole profile. Their session is in its databases, and no program
 *  can go on with it but that browser. */
function browserProfile(entries: readonly Dirent[]): string | undefined {
  const has = (name: string) => entries.some((entry) => entry.name === name)
  const isProfile =
    (has('Default') && (has('Local State') || has('DevToolsActivePort') || has('IndexedDB'))) ||
    (has('IndexedDB') && has('Local Storage'))
  return isProfile
    ? 'it is the profile of a browser (Chromium), as whatsapp-web.js keeps it, not of Baileys: link the device again'
    : undefined
}

async function leadsToFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}

function fail(path: string, error: NodeJS.ErrnoException): never {
  if (error.code === 'ENOTDIR') {
    throw new WrongUsage(
      `${plain(path)} is no folder. Give the folder with its creds.json, and unpack an archive first.`,
    )
  }
  throw new WrongUsage(`${plain(path)} cannot be read as a folder: ${error.code ?? 'unknown'}.`)
}
