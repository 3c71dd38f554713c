/** What the control can make the server do wrong, at once or until it is lifted. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import type { DamageWish } from './damage/generator.ts'
import { SimulatorError } from './errors.ts'
import { nameOf } from './groups.ts'
import type { Inflict, Inflicted, Pace } from './inflict.ts'
import { EVERYBODY, type Misdeed, type MisdeedSummary, type Until } from './misdeeds.ts'
import type { OfflineQueue } from './offline-queue.ts'
import { DEFAULT_CONTACT } from './phones.ts'
import { type Names, retryReceipt } from './reading.ts'
import { node, secondsOf } from './stanzas.ts'
import type { World } from './world.ts'

export interface AskAgainWish {
  /** Of the message that the device sent. */
  readonly id: string
  /** The contact's number. */
  readonly from?: string | undefined
  /** The group that the message was written to. */
  readonly group?: string | undefined
  /** Speaks by its LID. */
  readonly byLid?: boolean | undefined
  /** How often it has asked, by its own word; 1 when left out. */
  readonly count?: number | undefined
  readonly afterMs?: number | undefined
}

/** All throw SimulatorError UNKNOWN_ACCOUNT when no such device is linked. */
export interface EvilMethods {
  /** @param target an account, or `*` for all of them, now and later. @throws SimulatorError BAD_REQUEST, NOT_CONNECTED */
  misbehave(target: string, misdeed: Misdeed, until?: Until): MisdeedSummary
  misdeeds(): MisdeedSummary[]
  /** @throws SimulatorError UNKNOWN_MISDEED */
  lift(id: number): void
  liftAll(): void
  /** Sends malformed input on the device's live socket. @throws SimulatorError NOT_CONNECTED */
  damage(account: string, wish: DamageWish, pace?: Pace): Promise<Inflicted>
  /** Sends a stanza as it stands, and closes if `end`. @throws SimulatorError NOT_CONNECTED */
  sendStanza(account: string, stanza: BinaryNode, end?: boolean): void
  /** Sends bytes in place of a stanza, well sealed: their first says whether the rest is deflated. @throws SimulatorError
   *  NOT_CONNECTED */
  sendSealed(account: string, bytes: Uint8Array): void
  /** A contact begins a new session and asks for a message again, now or at the device's next login.
   *  @throws SimulatorError UNKNOWN_GROUP, QUEUE_FULL */
  askAgain(account: string, wish: AskAgainWish): Promise<void>
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
      return misdeeds.list().find((standing) => standing.id === id) as MisdeedSummary
    },
    misdeeds: misdeeds.list,
    lift: misdeeds.lift,
    liftAll: misdeeds.liftAll,
    damage(account, wish, pace) {
      const found = accounts.find(account)
      return inflict.now(socketOf(found), found, wish, pace)
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

  /** The server cannot know a device before the handshake, unless it brings what it was told for its next routing. */
  function markNextConnection(account: Account): void {
    const routing = node('routing_info', {}, Buffer.from(account.jid))
    socketOf(account).send(node('ib', {}, [node('edge_routing', {}, [routing])]))
  }
}
