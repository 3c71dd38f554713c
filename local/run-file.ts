/** What another terminal needs to know of a running fleet, in a private file that a shell can read: secrets stay out of the
 *  lists of processes and of what has scrolled by. It is gone when the fleet is. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { naming } from './faults.ts'

export interface RunFile {
  readonly path: string
  remove(): void
}

/** @param port of the API: no other fleet of this machine has it at the same time */
export async function writeRunFile(
  folder: string,
  port: number,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<RunFile> {
  const path = join(folder, `${port}.env`)
  const exports = Object.entries(variables).flatMap(([name, value]) =>
    value === undefined ? [] : [`export ${name}=${quoted(value)}`],
  )
  const lines = [
    `# Of the fleet on port ${port}, as long as it runs. In a shell: . ${quoted(path)}`,
    // Each of them would count more than the credentials below.
    'unset AWS_PROFILE AWS_SESSION_TOKEN',
    ...exports,
  ]
  await naming(`the file ${path}`, () => {
    // One that is there may be open to others.
    rmSync(path, { force: true })
    writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx' })
  })
  return { path, remove: () => rmSync(path, { force: true }) }
}

/** As one word of a shell. */
export function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
