/** A private file from which the shell of another terminal reads where the fleet runs and its secrets. So no
 *  secret appears in lists of processes or in the history of a shell. The file is deleted when the fleet
 *  ends. */
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
    `# Of the fleet on port ${port}, while it runs. In a shell: . ${quoted(path)}`,
    // Each of these would take precedence over the credentials below.
    'unset AWS_PROFILE AWS_SESSION_TOKEN',
    ...exports,
  ]
  await naming(`the file ${path}`, () => {
    // Other users may be able to read a file that is left there.
    rmSync(path, { force: true })
    writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx' })
  })
  return { path, remove: () => rmSync(path, { force: true }) }
}

/** As one word of a shell. */
export function quoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
