/** What the parts of the simulator share. `simulator.ts` makes it and hands it to each of them. */
import type { BinaryNode, proto } from '@whiskeysockets/baileys'
import type { Clock } from '../../core/clock.ts'
import type { Accounts } from './accounts.ts'
import type { Answers } from './answers.ts'
import type { Judge } from './judge.ts'
import type { Phones } from './phones.ts'

export type SimulatorEvent =
  | {
      readonly event: 'paired' | 'logged-in' | 'logged-out'
      readonly account: string
      readonly label: string
    }
  | { readonly event: 'closed' | 'login-refused'; readonly account?: string; readonly label: string }
  | { readonly event: 'conflict'; readonly account: string; readonly label: string; readonly by?: string }
  | { readonly event: 'misbehaved'; readonly label: string; readonly why: string }

/** What a test, in the same process, has this WhatsApp refuse. */
export interface Refusals {
  /** @returns what a login gets instead of success */
  login?: ((jid: string, payload: proto.IClientPayload) => BinaryNode | undefined) | undefined
  /** @returns the error of the ack that a message gets; it is not delivered then */
  message?: ((message: BinaryNode) => string | undefined) | undefined
  isAbsent?: ((phoneNumber: string) => boolean) | undefined
}

export interface World {
  readonly refusals: Refusals
  readonly accounts: Accounts
  readonly phones: Phones
  readonly judge: Judge
  readonly answers: Answers
  readonly clock: Clock
  /** Time of day that never steps back. */
  readonly nowMs: () => number
  /** Something changed that a restart must remember. */
  readonly changed: () => void
  readonly emit: (event: SimulatorEvent) => void
}
