/** The world of the simulator: what its parts share. simulator.ts makes it and gives it to each of them. */
import type { Clock, Timer } from '../../core/clock.ts'
import type { Accounts } from './accounts.ts'
import type { Answers } from './answers.ts'
import type { Groups } from './groups.ts'
import type { Judge } from './judge.ts'
import type { Misdeeds } from './misdeeds.ts'
import type { Phones } from './phones.ts'
import type { Unseen } from './unseen.ts'

export type SimulatorEvent =
  | {
      readonly event: 'paired' | 'logged-in' | 'logged-out'
      readonly account: string
      readonly label: string
    }
  | { readonly event: 'closed' | 'login-refused'; readonly account?: string; readonly label: string }
  | { readonly event: 'conflict'; readonly account: string; readonly label: string; readonly by?: string }
  | { readonly event: 'misbehaved'; readonly label: string; readonly why: string }

export interface World {
  readonly accounts: Accounts
  readonly phones: Phones
  readonly groups: Groups
  readonly judge: Judge
  readonly answers: Answers
  readonly misdeeds: Misdeeds
  readonly unseen: Unseen
  readonly clock: Clock
  /** Time of day that never steps back. */
  readonly nowMs: () => number
  /** A timer that does not outlive the simulator. */
  readonly later: (afterMs: number, run: () => void) => Timer
  /** Called when something has changed that a restart must remember. */
  readonly changed: () => void
  readonly emit: (event: SimulatorEvent) => void
}
