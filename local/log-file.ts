/** Opens the log of a process. Runs share the file, so each begins with a line that tells when and what. */
import { openSync, writeSync } from 'node:fs'
import type { Clock } from '../core/clock.ts'

/** @returns the descriptor of the file, for the process
 *  @throws what the file system threw, for a file that cannot be opened */
export function openLog(file: string, process: string, clock: Clock): number {
  const log = openSync(file, 'a')
  const timestamp = new Date(clock.wallMs()).toISOString()
  const header = { level: 'INFO', message: 'log.begun', timestamp, event: 'log.begun', process }
  try {
    writeSync(log, `${JSON.stringify(header)}\n`)
  } catch {
    // A full disk takes no line. The process itself finds that out, and says it in its own words.
  }
  return log
}
