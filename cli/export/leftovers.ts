/** What exports left behind that were killed. They hold secrets, so the next export beside them removes what
 *  no process can still be writing, and tells of the rest. */
import { lstat, readdir, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

const FORM = /^\.mooring-export-(\d{1,10})-[A-Za-z0-9]{6}$/

/** @returns the beginning of the name of a temporary folder of this process */
export function tempPrefix(pid: number): string {
  return `.mooring-export-${pid}-`
}

/** @returns a sentence for each folder that was left beside the target */
export async function clearLeftovers(target: string): Promise<string[]> {
  const parent = dirname(resolve(target))
  const names = await readdir(parent).catch(() => [])
  const told: string[] = []
  for (const name of names) {
    const pid = Number(FORM.exec(name)?.[1] ?? 0)
    if (pid > 0 && pid !== process.pid) told.push(await clear(join(parent, name), pid))
  }
  return told
}

async function clear(folder: string, pid: number): Promise<string> {
  const found = await lstat(folder).catch(() => undefined)
  const isOurs = found?.isDirectory() === true && found.uid === process.getuid?.()
  if (isOurs && !isAlive(pid) && (await removed(folder))) {
    return `Removed ${folder}, the rest of an export that was killed.`
  }
  return `${folder} may be the rest of an export that was killed: delete it if no other export runs.`
}

function removed(folder: string): Promise<boolean> {
  return rm(folder, { recursive: true, force: true }).then(
    () => true,
    () => false,
  )
}

/** A process of another user is alive as well, though it may not be signalled. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
