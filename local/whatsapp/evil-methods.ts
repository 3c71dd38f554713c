/** The part of the control that makes the server do wrong, at once or until a misdeed is lifted. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import { nameOf } from './addressing.ts'
import type { DamageOptions } from './damage/generator.ts'
import { SimulatorError } from './errors.ts'
import type { Inflict, Inflicted, Pace } from './inflict.ts'
import { EVERYBODY, type Misdeed, type MisdeedSummary, type Until } from './misdeeds.ts'
import type { OfflineQueue } from './offline-queue.ts'
import { DEFAULT_CONTACT } from './phones.ts'
import { type Names, retryReceipt } from './reading.ts'
import { node, secondsOf } from './stanzas.ts'
import type { World } from './world.ts'

export interface AskAgainOptions {
  /** The id of the message that the device sent. */
  readonly id: string
  /** The contact's number. */
  readonly from?: string | undefined
  /** The group to which the message was written. */
  readonly group?: string | undefined
  /** Whether the contact uses its LID. */
  readonly byLid?: boolean | undefined
  /** How often the contact claims to have asked; by default 1. */
  readonly count?: number | undefined
  readonly afterMs?: number | undefined
}

/** Every method throws SimulatorError UNKNOWN_ACCOUNT when no such device is linked. */
export interface EvilMethods {
  /** @param target an account, or `*` for all present and later accounts
   *  @throws SimulatorError BAD_REQUEST, NOT_CONNECTED */
  misbehave(target: string, misdeed: Misdeed, until?: Until): MisdeedSummary
  misdeeds(): MisdeedSummary[]
  /** @throws SimulatorError UNKNOWN_MISDEED */
  lift(id: number): void
  liftAll(): void
  /** Sends malformed input over the device's live socket.
   *  @throws SimulatorError NOT_CONNECTED */
  damage(account: string, options: DamageOptions, pace?: Pace): Promise<Inflicted>
  /** Sends a stanza unchanged, and with `end` then closes the socket.
   *  @throws SimulatorError NOT_CONNECTED */
  sendStanza(account: string, stanza: BinaryNode, end?: boolean): void
  /** Sends bytes in place of a stanza, correctly encrypted. The first byte says whether the rest is deflated.
   *  @throws SimulatorError NOT_CONNECTED */
  sendSealed(account: string, bytes: Uint8Array): void
  /** A contact begins a new session and asks for a message again, now or at the device's next login.
   *  @throws SimulatorError UNKNOWN_GROUP, QUEUE_FULL */
  askAgain(account: string, options: AskAgainOptions): Promise<void>
}

export function makeEvilMethods(world: World, queue: OfflineQueue, inflict: Inflict): EvilMethods {
  const { accounts, misdeeds } = world
  const socketOf = (account: Account) => {
    const connection = accounts.online.get(account)
    if (!connection) throw new SimulatorError('NOT_CONNECTED', `${account.jid} has no socket`)
    return connection
  }
  return {
    misbehave(target, misdeed, until) {
      if (misdeed.what === 'login-damage' && misdeed.phase === 'hello' && target !== EVERYBODY) {
        markNextConnection(accounts.find(target))
      }
      const { id } = misdeeds.begin(target, misdeed, until)
      return misdeeds.list().find((active) => active.id === id) as MisdeedSummary
    },
    misdeeds: misdeeds.list,
    lift: misdeeds.lift,
    liftAll: misdeeds.liftAll,
    damage(account, options, pace) {
      const found = accounts.find(account)
      return inflict.now(socketOf(found), found, options, pace)
    },
    sendStanza(account, stanza, end = false) {
      const connection = socketOf(accounts.find(account))
      if (end) connection.end(stanza)
      else connection.send(stanza)
    },
    sendSealed: (account, bytes) => socketOf(accounts.find(account)).inject('sealed', bytes),
    async askAgain(account, { id, from = DEFAULT_CONTACT, group, byLid = false, count = 1, afterMs }) {
      const found = accounts.find(account)
      const phone = world.phones.withNumber(from)
      const of = group === undefined ? undefined : world.groups.find(group)
      const names: Names = of
        ? { from: of.jid, participant: nameOf(phone, of.addressing) }
        : { from: nameOf(phone, byLid ? 'lid' : 'pn') }
      const ask = async () => {
        await phone.signal.forgetSession(found.jid)
        queue.tell(found, retryReceipt(names, id, phone, count, secondsOf(world.nowMs())))
      }
      if (afterMs === undefined) await ask()
      else world.later(afterMs, () => void ask())
    },
  }

  /** Gives the device routing information that names it. The client sends it back before its next handshake,
   *  where the server could not recognise the device otherwise. */
  function markNextConnection(account: Account): void {
    const routing = node('routing_info', {}, Buffer.from(account.jid))
    socketOf(account).send(node('ib', {}, [node('edge_routing', {}, [routing])]))
  }
}
