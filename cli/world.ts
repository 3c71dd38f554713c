/** The outside of every command: the API, the terminal, the clock, and the signal to stop. */
import { type Clock, sleep } from '../core/clock.ts'
import type { Api } from './api.ts'
import { Interrupted } from './failures.ts'
import type { Line } from './lines.ts'
import type { Terminal } from './terminal.ts'

export const JSON_INDENT = 2

export interface CliWorld {
  readonly api: Api
  readonly terminal: Terminal
  readonly clock: Clock
  readonly stop: AbortSignal
  /** Whether to print the answer of the API, and nothing else. */
  readonly json: boolean
  /** How a person starts the command, as hints have to say it. */
  readonly command: string
}

/** Prints the answer in words, or under `--json` as JSON. */
export function tell(
  { terminal, json }: CliWorld,
  answer: object,
  words: () => readonly Line[] | string,
): void {
  if (json) terminal.printJson(answer, JSON_INDENT)
  else terminal.print(words())
}

/** @throws Interrupted */
export async function pause({ clock, stop }: CliWorld, ms: number): Promise<void> {
  await sleep(clock, ms, stop)
  if (stop.aborted) throw new Interrupted()
}
