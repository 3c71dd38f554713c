/** A child process of the demo. It ends by itself when the demo is gone: its pipe to the parent tells it. */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PLAN = 'MOORING_DEMO_PLAN'

export interface Child {
  readonly pid: number
  /** The exit code; null after a signal. */
  readonly exited: Promise<number | null>
  hasExited(): boolean
  signal(signal: NodeJS.Signals): void
}

/** The plan of this child, as startChild was given it. */
export function planOfChild<Plan>(): Plan {
  return JSON.parse(process.env[PLAN] ?? '') as Plan
}

/** @param entry the program, beside this file
 *  @param plan what planOfChild gives there. It holds secrets of this run, and every user sees the arguments of a process
 *  @param variables beside those of this process */
export async function startChild(
  entry: string,
  plan: object,
  logFile: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const log = openSync(logFile, 'a')
  const program = fileURLToPath(new URL(entry, import.meta.url))
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
    // Signals of the terminal go to the parent alone: it ends its children in order.
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    env: { ...process.env, ...variables, [PLAN]: JSON.stringify(plan) },
  })
  closeSync(log)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
  return {
    pid: child.pid ?? 0,
    exited: new Promise((resolve) => child.once('exit', (code) => resolve(code))),
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    signal: (signal) => void child.kill(signal),
  }
}
