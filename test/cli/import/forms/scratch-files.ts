/** Files of a test in a folder of its own, which goes when the tests of the file end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'mooring-forms-'))
after(() => rmSync(folder, { recursive: true }))

const written: string[] = []

export function scratchPath(name: string): string {
  return join(folder, name)
}

/** @returns the path of a new file */
export function scratchFile(content: string | Uint8Array): string {
  const file = scratchPath(`file-${written.length + 1}`)
  writeFileSync(file, content)
  written.push(file)
  return file
}

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

/** The error with which the command would end. */
export async function failureOf(
  items: AsyncIterable<unknown>,
): Promise<{ message: string; exitCode?: number }> {
  try {
    await all(items)
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was refused')
}
