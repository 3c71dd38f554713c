/** Queues of messages to devices. A message stays queued until the device confirms or refuses it, over any
 *  number of logins. */
import {
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidDecode,
} from '@whiskeysockets/baileys'
import type { Account, QueuedMessage } from './accounts.ts'
import type { Connection } from './connection.ts'
import { messageNode, plaintextOf } from './contact-message.ts'
import { SimulatorError } from './errors.ts'
import { bundleOfDevice, readPreKey, readSignedPreKey } from './key-bundles.ts'
import type { MisdeedOf } from './misdeeds.ts'
import type { KeyBundle } from './phone-signal.ts'
import { childBytes, childNumber, node } from './stanzas.ts'
import type { World } from './world.ts'

/** How many messages may wait for a device. */
const QUEUE_MAX = 10_000
/** How often a phone encrypts a message again for a device that cannot read it. */
const RETRIES_MAX = 5

export interface OfflineQueue {
  /** Drops the message when the queue is full. */
  put(account: Account, message: QueuedMessage): void
  /** @throws SimulatorError QUEUE_FULL */
  assertRoom(account: Account): void
  /** Sends a receipt or a notification, now or at the next login.
   *  @throws SimulatorError QUEUE_FULL */
  tell(account: Account, stanza: BinaryNode): void
  /** The client is ready: it gets the messages that waited, and from now on new messages at once. */
  batchRequested(connection: Connection, account: Account): void
  receipt(account: Account, receipt: BinaryNode): Promise<void>
  /** Takes an `ack` of class `message`. An acknowledgement with an error is a refusal; the message leaves
   *  the queue as well. */
  acknowledged(account: Account, ack: BinaryNode): void
  forget(connection: Connection): void
}

export function makeOfflineQueue(world: World): OfflineQueue {
  const ready = new Set<Connection>()

  const socketFor = (account: Account) => {
    const connection = world.accounts.online.get(account)
    if (!connection || ready.has(connection)) return connection
    return (
      world.misdeeds.find('offline-batch', account, ({ liveAtOnce }) => liveAtOnce === true) && connection
    )
  }
  const deliver = (account: Account, message: QueuedMessage, offline = false, to = socketFor(account)) => {
    if (!to) return
    message.sentOver = to.id
    for (let copy = 0; copy < (message.copies ?? 1); copy++) to.send(messageNode(message, offline))
  }
  const settle = (account: Account, id: string) => {
    account.queue = account.queue.filter((message) => message.id !== id)
    world.changed()
  }
  const unsent = ({ queue }: Account, connection: Connection) =>
    queue.filter(({ sentOver }) => sentOver !== connection.id)

  /** Without a misdeed this sends the whole batch at once. */
  const sendBatch = async (
    connection: Connection,
    account: Account,
    misdeed?: MisdeedOf<'offline-batch'>,
  ) => {
    const pause = () => new Promise<void>((resolve) => world.later(misdeed?.pauseMs ?? 0, resolve))
    const waiting = unsent(account, connection)
    const unseen = world.unseen.of(account)
    for (const message of waiting) {
      if (misdeed?.pauseMs) await pause()
      deliver(account, message, true, connection)
    }
    for (const stanza of unseen) connection.send({ ...stanza, attrs: { ...stanza.attrs, offline: '1' } })
    ready.add(connection)
    connection.send(node('ib', {}, [node('offline', { count: String(waiting.length + unseen.length) })]))
    for (const message of unsent(account, connection)) deliver(account, message)
  }

  const retry = async (account: Account, receipt: BinaryNode) => {
    world.judge.count('retries')
    const message = account.queue.find(({ id }) => id === receipt.attrs.id)
    const count = Number(getBinaryNodeChild(receipt, 'retry')?.attrs.count ?? 1)
    if (!message || count > RETRIES_MAX) return
    message.refusalsToIgnore++
    if (message.text === undefined) return forwardRetry(world, account, message, receipt)
    const { signal } = world.phones.withNumber(jidDecode(message.from)?.user ?? '')
    await signal.forgetSession(account.jid)
    const bundle = () => bundleOfRetry(receipt) ?? bundleOfDevice(world, account)
    const senderKey = message.group === undefined ? undefined : await signal.senderKey(message.group)
    const encrypted = await signal.encrypt(account.jid, plaintextOf(message, senderKey), bundle)
    message.encryption = { ...encrypted, retry: count }
    delete message.skmsg
    deliver(account, message)
  }

  return {
    put(account, message) {
      if (account.queue.length >= QUEUE_MAX) return
      account.queue.push(message)
      world.changed()
      deliver(account, message)
    },
    assertRoom(account) {
      if (account.queue.length < QUEUE_MAX) return
      throw new SimulatorError('QUEUE_FULL', `${QUEUE_MAX} messages wait for ${account.jid}`)
    },
    tell(account, stanza) {
      world.unseen.put(account, stanza)
      socketFor(account)?.send(stanza)
    },
    batchRequested(connection, account) {
      const misdeed = world.misdeeds.use('offline-batch', account)?.misdeed
      if (misdeed?.holdMs) world.later(misdeed.holdMs, () => sendBatch(connection, account, misdeed))
      else sendBatch(connection, account, misdeed)
    },
    async receipt(account, receipt) {
      if (receipt.attrs.type === 'retry') return retry(account, receipt)
      const more = getBinaryNodeChildren(getBinaryNodeChild(receipt, 'list'), 'item')
      for (const { attrs } of [receipt, ...more]) {
        if (!account.queue.some(({ id }) => id === attrs.id)) continue
        world.judge.count('received')
        settle(account, attrs.id ?? '')
      }
    },
    acknowledged(account, { attrs }) {
      const message = account.queue.find(({ id }) => id === attrs.id)
      if (attrs.error) world.judge.count('nacked')
      if (!message) return
      if (attrs.error && message.refusalsToIgnore > 0) message.refusalsToIgnore--
      else settle(account, message.id)
    },
    forget: (connection) => ready.delete(connection),
  }
}

/** Passes the retry request on to the device that wrote the message, because only that device can encrypt it
 *  again. */
function forwardRetry(world: World, account: Account, message: QueuedMessage, receipt: BinaryNode): void {
  const author = world.accounts.byJid(message.from)
  if (!author) return
  const { to: _, ...attrs } = receipt.attrs
  const asking = message.addressing === 'lid' ? account.lid : account.jid
  const from: Record<string, string> =
    message.group === undefined ? { from: asking } : { from: message.group, participant: asking }
  world.accounts.online.get(author)?.send({ ...receipt, attrs: { ...attrs, ...from } })
}

/** The fresh keys that a device sends from its second retry on. */
function bundleOfRetry(receipt: BinaryNode): KeyBundle | undefined {
  const keys = getBinaryNodeChild(receipt, 'keys')
  const signedPreKey = getBinaryNodeChild(keys, 'skey')
  const preKey = getBinaryNodeChild(keys, 'key')
  if (!keys || !signedPreKey) return undefined
  return {
    registrationId: childNumber(receipt, 'registration'),
    identityKey: childBytes(keys, 'identity'),
    signedPreKey: readSignedPreKey(signedPreKey),
    ...(preKey && { preKey: readPreKey(preKey) }),
  }
}
