/** What every command is handed: the API, the terminal, time, and the signal to end. */
import { type Clock, sleep } from '../core/clock.ts'
import type { Api } from './api.ts'
import { Interrupted } from './failures.ts'
import type { Terminal } from './terminal.ts'

export interface CliWorld {
  readonly api: Api
  readonly terminal: Terminal
  readonly clock: Clock
  readonly stop: AbortSignal
  /** Print what the API answered, and nothing else. */
  readonly json: boolean
}

/** Prints the answer as JSON when that was asked for, else in words. */
export function tell(world: CliWorld, answer: object, words: () => readonly string[] | string): void {
  world.terminal.print(world.json ? JSON.stringify(answer, undefined, 2) : words())
}

/** @throws Interrupted */
export async function pause({ clock, stop }: CliWorld, ms: number): Promise<void> {
  await sleep(clock, ms, stop)
  if (stop.aborted) throw new Interrupted()
}
