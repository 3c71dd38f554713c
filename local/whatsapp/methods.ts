/** The methods by which tests and the HTTP control steer the simulated WhatsApp. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Account, ReceivedText } from './accounts.ts'
import type { Addressing } from './addressing.ts'
import { type Break, breakConnection } from './breaks.ts'
import { type Contacts, devicesOf, type TextOptions } from './contacts.ts'
import type { EvilMethods } from './evil-methods.ts'
import {
  changeNode,
  type Group,
  type GroupChange,
  type GroupSummary,
  groupNode,
  groupNotification,
  summaryOf,
} from './groups.ts'
import type { Report } from './judge.ts'
import type { OfflineQueue } from './offline-queue.ts'
import { DEFAULT_CONTACT } from './phones.ts'
import type { Copies, Reading } from './reading.ts'
import { node } from './stanzas.ts'
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
  /** How many messages wait for the device's receipt. */
  readonly queued: number
  readonly preKeys: number
  /** The keys that the device registered, in base64; all of them are public. */
  readonly registration: {
    readonly noiseKey: string
    readonly identityKey: string
    readonly registrationId: number
    readonly signedPreKey: string
  }
}

/** The HTTP control has a route for each method. A jid or a phone number names an account.
 *  Every method throws SimulatorError, with UNKNOWN_ACCOUNT when no such device is linked. */
export interface SimulatorMethods extends EvilMethods {
  /** Scans a client's QR with a new phone, or with the phone of the given number.
   *  @throws SimulatorError QR_NOT_VALID, PAIRING_LOST, BAD_REQUEST */
  scanQr(qrText: string, phoneNumber?: string): Promise<LinkedDevice>
  /** Types a code into a phone. @throws SimulatorError NO_CODE_REQUESTED, WRONG_CODE, PAIRING_LOST */
  enterCode(phoneNumber: string, code: string): Promise<LinkedDevice>
  /** A contact writes to a device, which gets the message now or at its next login.
   *  @throws SimulatorError QUEUE_FULL */
  text(account: string, text: string, from?: string): Promise<{ readonly id: string }>
  /** The same for several texts, with all options.
   *  @throws SimulatorError QUEUE_FULL, BAD_REQUEST */
  texts(
    account: string,
    texts: readonly string[],
    options?: TextOptions,
  ): Promise<{ readonly ids: readonly string[] }>
  /** How often each contact got a message that the device sent. */
  copies(account: string, id: string): readonly Copies[]
  /** Members are phone numbers, and the first member is the creator.
   *  @throws SimulatorError BAD_REQUEST */
  createGroup(subject: string, members: readonly string[], addressing?: Addressing): GroupSummary
  groups(): GroupSummary[]
  /** Changes a group and notifies the devices of all members.
   *  @param by the number of the member who makes the change; by default the creator
   *  @throws SimulatorError UNKNOWN_GROUP */
  changeGroup(group: string, change: GroupChange, members: readonly string[], by?: string): GroupSummary
  /** A member's phone writes to the group.
   *  @throws SimulatorError UNKNOWN_GROUP, BAD_REQUEST */
  groupText(
    group: string,
    text: string,
    from: string,
    options?: Pick<TextOptions, 'alternate'>,
  ): Promise<{ readonly id: string }>
  accounts(): AccountSummary[]
  /** Texts of this device that contacts decrypted, oldest first. */
  received(account: string): readonly ReceivedText[]
  /** @throws SimulatorError NOT_CONNECTED */
  breakConnection(account: string, how: Break): void
  /** The present socket gets the conflict that a client outside the fleet would cause.
   *  @throws SimulatorError NOT_CONNECTED */
  foreignLogin(account: string): void
  report(): Report
  resetReport(): void
}

export function makeMethods(
  world: World,
  queue: OfflineQueue,
  contacts: Contacts,
  reading: Reading,
  switchboard: Switchboard,
): Omit<SimulatorMethods, keyof EvilMethods> {
  const { accounts, judge, phones } = world
  const nowS = () => Math.floor(world.nowMs() / 1000)
  return {
    scanQr: async (qrText, phoneNumber) => linked(await switchboard.scanQr(qrText, phoneNumber)),
    enterCode: async (phoneNumber, code) => linked(await switchboard.enterCode(phoneNumber, code)),
    async text(account, text, from) {
      const [id = ''] = await contacts.write(accounts.find(account), [text], { from })
      return { id }
    },
    texts: async (account, texts, options = {}) => ({
      ids: await contacts.write(accounts.find(account), texts, options),
    }),
    copies: (account, id) => reading.copies(accounts.find(account), id),
    createGroup(subject, members, addressing = 'pn') {
      const group = world.groups.create(subject, members, addressing, nowS())
      tellGroup(group, members[0], node('create', {}, [groupNode(group, phones)]))
      return summaryOf(group)
    },
    groups: () => world.groups.all().map(summaryOf),
    changeGroup(jid, change, members, by) {
      const group = world.groups.find(jid)
      if (change === 'add') for (const number of members) group.members.set(number, 'member')
      tellGroup(group, by, changeNode(group, change, members, phones))
      for (const number of members) {
        if (change === 'remove') group.members.delete(number)
        if (change === 'promote') group.members.set(number, 'admin')
        if (change === 'demote') group.members.set(number, 'member')
      }
      world.changed()
      return summaryOf(group)
    },
    groupText: async (group, text, from, options) => ({
      id: await contacts.writeToGroup(world.groups.find(group), text, from, options),
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

  function tellGroup(group: Group, by: string | undefined, change: BinaryNode): void {
    const [creator] = group.members.keys()
    const author = phones.withNumber(by ?? creator ?? DEFAULT_CONTACT)
    for (const account of devicesOf(world, group)) {
      queue.tell(account, groupNotification(group, author, change, nowS()))
    }
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
