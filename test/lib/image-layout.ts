/** Lays out in a folder what hosts/Dockerfile puts into the image: the same copies
 *  and commands, without Docker. */
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DOCKERFILE = readFileSync(join(ROOT, 'hosts/Dockerfile'), 'utf8')

/** Both stages share the folder, which has the effect of copying from one to the other. */
export function layOut(folder: string): void {
  for (const [, instruction, rest = ''] of DOCKERFILE.matchAll(/^(COPY|RUN) (.*)$/gm)) {
    if (instruction === 'RUN') execFileSync('sh', ['-ec', rest], { cwd: folder, stdio: 'pipe' })
    else if (!rest.startsWith('--from')) copy(rest.split(/\s+/), folder)
  }
}

function copy(words: string[], folder: string): void {
  const to = words.at(-1) ?? '.'
  for (const from of words.slice(0, -1)) {
    const target = to.endsWith('/') ? join(folder, to, from) : join(folder, to)
    cpSync(join(ROOT, from), target, { recursive: true })
  }
}

/** @returns the words of the image's command */
export function commandOf(): string[] {
  const command = /^CMD (\[.*\])$/m.exec(DOCKERFILE)?.[1]
  if (!command) throw new Error('hosts/Dockerfile has no CMD')
  return JSON.parse(command)
}

/** @returns the bytes of a folder as a compressed layer, as registries count it and tasks load it */
export function compressedBytes(folder: string): number {
  return Number(execFileSync('sh', ['-ec', 'tar -cz . | wc -c'], { cwd: folder, encoding: 'utf8' }))
}
