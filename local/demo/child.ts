/** The child processes of the demo: how the demo starts one, and how a child behaves. A child ends by itself
 *  when the demo is gone, because its pipe to the parent closes. */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { silenceConsole } from '../../hosts/whatsapp/silence-console.ts'

const PLAN = 'MOORING_DEMO_PLAN'

export interface Child {
  readonly pid: number
  /** The exit code; null after a signal. */
  readonly exited: Promise<number | null>
  hasExited(): boolean
  signal(signal: NodeJS.Signals): void
}

/** Called first in a child: makes it end with the demo, and keeps stray errors from ending it.
 *  @returns the plan that `startChild` was given */
export function beChild<Plan>(): Plan {
  silenceConsole()
  // Baileys does not await all that it sends; a socket that closes meanwhile must not end the process.
  process.on('unhandledRejection', report)
  process.on('disconnect', () => process.exit(1))
  return JSON.parse(process.env[PLAN] ?? '') as Plan
}

/** Writes an error to the log of the child. */
export function report(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
}

/** @param entry the program, beside this file
 *  @param plan passed to `beChild` by the environment, because it holds secrets of this run. Every user
 *  sees the arguments of a process
 *  @param variables in addition to the environment of this process */
export async function startChild(
  entry: string,
  plan: object,
  logFile: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const log = openSync(logFile, 'a')
  const program = fileURLToPath(new URL(entry, import.meta.url))
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
    // The terminal's signals go to the parent alone, which ends its children in order.
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
