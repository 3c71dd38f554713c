/** What hosts/Dockerfile puts into the image, laid out in a folder: the same copies, the same commands, no Docker. */
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DOCKERFILE = readFileSync(join(ROOT, 'hosts/Dockerfile'), 'utf8')

/** Both stages share the folder, which is what copying from one to the other comes to. */
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

/** The words of the image's command. */
export function commandOf(): string[] {
  const command = /^CMD (\[.*\])$/m.exec(DOCKERFILE)?.[1]
  if (!command) throw new Error('hosts/Dockerfile has no CMD')
  return JSON.parse(command)
}

/** Bytes of a folder as a compressed layer, which is how a registry counts and a task loads it. */
export function compressedBytes(folder: string): number {
  return Number(execFileSync('sh', ['-ec', 'tar -cz . | wc -c'], { cwd: folder, encoding: 'utf8' }))
}
