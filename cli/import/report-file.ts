/** Writes a report of an import as a file: whole or absent, and readable by its owner alone. It names the
 *  devices and accounts of people, and no credentials. */
import { open, rename, rm } from 'node:fs/promises'
import type { Random } from '../../core/random.ts'
import { WrongUsage } from '../failures.ts'

const FILE_MODE = 0o600

/** @param unique keeps two writers of the same report apart
 *  @throws WrongUsage when the file cannot be written */
async function writeReport(file: string, unique: string, report: object): Promise<void> {
  const part = `${file}.${unique}.part`
  try {
    const handle = await open(part, 'wx', FILE_MODE)
    try {
      await handle.writeFile(`${JSON.stringify(report, undefined, 2)}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    const why = error instanceof Error ? error.message : String(error)
    throw new WrongUsage(`The report ${file} cannot be written: ${why}.`)
  }
}

export interface ReportFile {
  /** @param state how far the run is: "reading", "running", "done", "stopped", "interrupted" or "dry-run"
   *  @throws WrongUsage when the file cannot be written */
  save(state: string, told: object, endedAt?: string): Promise<void>
}

/** @param file undefined when no report is wanted */
export function openReport(
  file: string | undefined,
  run: { readonly batch: string; readonly startedAt: string },
  random: Random,
): ReportFile {
  if (file === undefined) return { save: async () => undefined }
  const unique = random.id()
  return {
    save: (state, told, endedAt) =>
      writeReport(file, unique, { ...run, ...(endedAt ? { endedAt } : {}), state, ...told }),
  }
}
