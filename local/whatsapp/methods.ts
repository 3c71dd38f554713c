/** What can be done to WhatsApp from outside, in the same process or through the HTTP control. */
import type { Account, ReceivedText } from './accounts.ts'
import { type Break, breakConnection } from './breaks.ts'
import type { Report } from './judge.ts'
import type { OfflineQueue } from './offline-queue.ts'
import { DEFAULT_CONTACT } from './phones.ts'
import type { Switchboard } from './switchboard.ts'
import type { World } from './world.ts'

export interface LinkedDevice {
  readonly jid: string
  readonly lid: string
  readonly phoneNumber: string
}

export interface AccountSummary extends LinkedDevice {
  /** The label of the socket over which it is logged in. */
  readonly connectedTo?: string
  /** Messages that wait for its receipt. */
  readonly queued: number
  readonly preKeys: number
  /** What the device handed over when it was linked, in base64: all of it public. */
  readonly registration: {
    readonly noiseKey: string
    readonly identityKey: string
    readonly registrationId: number
    readonly signedPreKey: string
  }
}

/** Everything that the HTTP control offers too. An account is named by its jid or its phone number.
 *  All throw SimulatorError; UNKNOWN_ACCOUNT when no such device is linked. */
export interface SimulatorMethods {
  /** Scans what a client shows, with a new phone or with that of the given number.
   *  @throws SimulatorError QR_NOT_VALID, PAIRING_LOST, BAD_REQUEST */
  scanQr(qrText: string, phoneNumber?: string): Promise<LinkedDevice>
  /** Types a code into a phone. @throws SimulatorError NO_CODE_REQUESTED, WRONG_CODE, PAIRING_LOST */
  enterCode(phoneNumber: string, code: string): Promise<LinkedDevice>
  /** A contact writes to a device, which gets it now or at its next login. @throws SimulatorError QUEUE_FULL */
  text(account: string, text: string, from?: string): Promise<{ readonly id: string }>
  accounts(): AccountSummary[]
  /** Texts of this device that contacts decrypted, oldest first. */
  received(account: string): readonly ReceivedText[]
  /** @throws SimulatorError NOT_CONNECTED */
  breakConnection(account: string, how: Break): void
  /** The present socket gets the conflict that a client outside the fleet would cause. @throws SimulatorError NOT_CONNECTED */
  foreignLogin(account: string): void
  report(): Report
  resetReport(): void
}

export function makeMethods(world: World, queue: OfflineQueue, switchboard: Switchboard): SimulatorMethods {
  const { accounts, judge } = world
  return {
    scanQr: async (qrText, phoneNumber) => linked(await switchboard.scanQr(qrText, phoneNumber)),
    enterCode: async (phoneNumber, code) => linked(await switchboard.enterCode(phoneNumber, code)),
    text: async (account, text, from = DEFAULT_CONTACT) => ({
      id: await queue.text(accounts.find(account), text, from),
    }),
    accounts: () =>
      accounts.all().map((account) => {
        const socket = accounts.online.get(account)
        return {
          ...linked(account),
          ...(socket && { connectedTo: socket.label }),
          queued: account.queue.length,
          preKeys: account.preKeys.count(),
          registration: registrationOf(account),
        }
      }),
    received: (account) => accounts.find(account).received,
    breakConnection: (account, how) => breakConnection(world, accounts.find(account), how),
    foreignLogin: (account) => breakConnection(world, accounts.find(account), '440'),
    report: () => judge.report(accounts.all().length),
    resetReport: () => judge.reset(world.nowMs()),
  }
}

function registrationOf({ noiseKey, identityKey, registrationId, signedPreKey }: Account) {
  return {
    noiseKey: noiseKey.toString('base64'),
    identityKey: identityKey.toString('base64'),
    registrationId,
    signedPreKey: signedPreKey.publicKey.toString('base64'),
  }
}

function linked({ jid, lid, phoneNumber }: Account): LinkedDevice {
  return { jid, lid, phoneNumber }
}
