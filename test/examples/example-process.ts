/** Runs an example as its README says, and reads what it prints. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const EXAMPLES = join(import.meta.dirname, '../../examples')

export interface RunningExample {
  /** All that it has printed so far. */
  printed(): string
  /** Resolves when it has printed a text of this form. @throws when it ends before */
  says(form: RegExp): Promise<RegExpExecArray>
  /** Resolves with the exit code when it has ended by itself. */
  readonly ended: Promise<number | null>
  stop(): Promise<void>
}

export function runExample(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): RunningExample {
  const child: ChildProcess = spawn(process.execPath, [join(EXAMPLES, file), ...args], {
    env: { ...env, PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const grew = new EventTarget()
  const hear = (chunk: Buffer) => {
    text += chunk
    grew.dispatchEvent(new Event('more'))
  }
  child.stdout?.on('data', hear)
  child.stderr?.on('data', hear)
  const ended = once(child, 'close').then(([code]) => {
    grew.dispatchEvent(new Event('more'))
    return code as number | null
  })
  return {
    printed: () => text,
    async says(form) {
      for (;;) {
        const found = form.exec(text)
        if (found) return found
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${text}`)
        await once(grew, 'more')
      }
    },
    ended,
    async stop() {
      child.kill()
      await ended
    },
  }
}
